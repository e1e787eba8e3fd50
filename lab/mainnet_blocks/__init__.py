"""Replay of recorded mainnet blocks by the simulation that candidates use."""
