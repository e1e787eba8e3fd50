"""Values, errors, units, gas, valuation, statistics and ABI: what every room may use. It imports nothing of ours."""
