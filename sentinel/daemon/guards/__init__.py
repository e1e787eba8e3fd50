"""Guards between a decision and the chain, besides policy: permission, one writer, breaker, recheck, alarms."""
