"""States of the local market, drawn by a seed, and the value of actions in them."""
