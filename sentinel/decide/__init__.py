"""The vote over simulated effects, and policy. Pure; reads no clock, file, network or key."""
