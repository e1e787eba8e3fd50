"""What is read from the chain: new blocks, and the market at one block hash."""
