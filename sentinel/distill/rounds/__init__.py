"""Training in rounds: the student runs, the oracle relabels, the student trains again."""
