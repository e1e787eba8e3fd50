"""Decentralised exchanges: venues, quotes, calldata, simulation, and the toolkit that joins them."""
