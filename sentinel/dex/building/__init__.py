"""Construction of actions and of their calldata for the Universal Router and Permit2, from allow-lists alone."""
