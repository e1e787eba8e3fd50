"""The whole of Sentinel on a local market: one command, a live table, a summary."""

from sentinel.demo.run import main

__all__ = ["main"]
