"""Distillation: orders in words, and what is right to do, become an adapter on a pretrained base."""
