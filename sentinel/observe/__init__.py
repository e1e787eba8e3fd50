"""Observation of a running daemon: logs, metrics, health, messages and the status page."""
