"""What the operator wants: the typed order, its reading in fixed English, and the player that carries it out (pure)."""
