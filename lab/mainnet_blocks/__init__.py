"""Recorded mainnet blocks through the simulation of candidates."""
