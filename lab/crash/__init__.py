"""Kill the daemon again and again, and compare what the chain shows with what the journal says (safety I1)."""
