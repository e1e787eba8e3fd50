"""Simulation of candidates, on the fork or on the chain's own node."""
