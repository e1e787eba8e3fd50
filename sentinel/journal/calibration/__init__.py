"""How far agreement can be trusted: votes against correctness, as curves, and the quorum that follows."""
