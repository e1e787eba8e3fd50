"""What is done: the vote over simulated effects, and the hard limits. Pure; it reads no clock, file, network or key."""
