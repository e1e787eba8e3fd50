"""Backtests of ten orders over all given days, for docs/backtest.md."""
