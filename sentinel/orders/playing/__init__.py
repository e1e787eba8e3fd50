"""The player: what an order does in a situation, what its trades can be at most, and what it would have done."""
