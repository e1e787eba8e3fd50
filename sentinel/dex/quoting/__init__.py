"""What a trade would give at one market state, and which way gives the most."""
