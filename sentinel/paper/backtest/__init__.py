"""Backtests: the daemon's own cycle on the local market, replayed as fast as it goes, and the reports of it."""
