"""Timings of single parts."""
