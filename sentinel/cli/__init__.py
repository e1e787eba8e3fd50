"""The commands: each reads the settings, calls one part and prints the result.

A command imports heavy modules in its own body, so that the others start quickly.
"""
