"""What is told of a running daemon: logs, metrics, health, and words for people."""
