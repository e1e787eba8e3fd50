"""Measurements of Sentinel's parts, on this machine and against the real chain's own records"""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
