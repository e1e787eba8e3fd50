"""The daemon: its wiring, main loop, start-up, guards and operator commands."""
