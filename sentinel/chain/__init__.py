"""Reading the chain: new heads, and the market state at one block hash."""
