"""Values, errors, units, gas, valuation, statistics and ABI for every package; imports no other Sentinel package."""
