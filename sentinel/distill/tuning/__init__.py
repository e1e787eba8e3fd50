"""Tuning of a pretrained base: the base itself, and adapters trained on conversations. torch is in the serving environment."""
