"""The laboratory: measurements of Sentinel's parts, on this machine and against records of the real chain."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
