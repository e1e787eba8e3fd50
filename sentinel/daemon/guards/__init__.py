"""What stands between a decision and the chain beside policy: permission, one writer, shortfall breaker, recheck."""
