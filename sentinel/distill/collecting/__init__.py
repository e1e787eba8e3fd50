"""Collection: a teacher plays states; its trajectories are stored and selected."""
