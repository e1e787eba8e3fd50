"""All of Sentinel on a local market that costs nothing: the demo with a live table, and backtests with a report."""
