"""Trajectories -> a student's weights. What needs torch runs in the serving environment."""
