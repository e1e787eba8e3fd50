"""What is asked: states of the local market, drawn by seed, and what an action is worth in them."""
