"""The whole of Sentinel on a local market: one command, a live table, a summary."""
