"""Tuning of a pretrained base: the base itself, and adapters trained on conversations."""
