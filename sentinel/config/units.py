"""Conversion of numbers as people write them to base units, in decimal arithmetic and never through a float."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal


def base_units(amount: float, decimals: int) -> int:
    """12.34 with 6 decimals -> 12_340_000, rounded down; the float's shortest decimal form counts, not its binary
    tail."""
    return int(Decimal(repr(amount)).scaleb(decimals).to_integral_value(ROUND_DOWN))
