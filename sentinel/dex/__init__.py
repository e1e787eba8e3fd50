"""Everything that is known of DEXes: venues, calldata, the fork, the toolkit."""
