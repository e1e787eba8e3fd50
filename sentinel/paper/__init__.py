"""The demo: all of Sentinel on a local market, by one command, with a live table and a summary."""

from sentinel.paper.demo import NETWORK, main

__all__ = ["NETWORK", "main"]
