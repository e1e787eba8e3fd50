"""Set-up: download what Sentinel needs and does not ship. Standard library only: a fresh checkout has nothing else."""
