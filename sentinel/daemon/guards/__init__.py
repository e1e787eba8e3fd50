"""What stands between a decision and the chain beside policy: permission, one writer, breaker, recheck, alarms."""
