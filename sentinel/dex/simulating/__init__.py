"""What a candidate would do, tried on the fork or on the chain's own node."""
