"""Exact quotes at one market state, and the search for the best venue, route or split."""
