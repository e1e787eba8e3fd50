"""Quantiles of measured times."""

from __future__ import annotations

from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile: a time that was really measured. Raises ValueError where there is none."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    return {name: round(quantile(seconds, share) * 1e3, 2) for name, share in QUANTILES.items()} if seconds else {}


QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
