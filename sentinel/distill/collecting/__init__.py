"""Teacher on states -> trajectories, chosen and stored."""
