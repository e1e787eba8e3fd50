"""Typed actions -> calldata of the Universal Router and Permit2, from allow-lists alone."""
