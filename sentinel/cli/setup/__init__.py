"""Set-up: fetch what Sentinel needs and does not ship. Standard library alone, as a fresh checkout has nothing else."""
