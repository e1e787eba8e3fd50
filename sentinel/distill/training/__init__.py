"""Training of students from trajectories. Modules that need torch run in the serving environment."""
