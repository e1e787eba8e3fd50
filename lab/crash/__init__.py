"""Crash tests: kill the daemon many times and compare the chain with the journal (I1)."""
