"""Agent distillation: the oracle's trajectories become a small student's weights."""
