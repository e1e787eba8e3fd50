"""The whole program: wiring, loop, start-up, and what the operator may do to it."""
