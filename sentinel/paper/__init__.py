"""The whole of Sentinel on a local market: one command, a live table, a summary."""

from sentinel.paper.demo import main

__all__ = ["main"]
