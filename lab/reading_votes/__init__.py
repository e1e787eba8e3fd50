"""What makes the readings of one order differ, what chooses the best of them, and how large agreement must be."""
