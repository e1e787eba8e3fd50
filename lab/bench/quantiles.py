"""Quantiles of measured times."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds; empty if there are no values."""
    if not seconds:
        return {}
    hundredths = quantiles([*seconds, *seconds[:1]] if len(seconds) == 1 else seconds, n=100, method="inclusive")
    return {f"p{share}": round(hundredths[share - 1] * 1e3, 2) for share in (50, 95, 99)}
