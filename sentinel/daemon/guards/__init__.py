"""Guards between a decision and the chain, besides policy: permission, one writer, shortfall breaker, recheck."""
