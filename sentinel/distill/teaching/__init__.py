"""Teachers: who writes the trajectories."""
