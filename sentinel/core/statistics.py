"""A share of a count with its Wilson interval. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

Z95_TWO_SIDED = 1.959964  # quantile of the normal distribution


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `total`, with the Wilson 95 % interval."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0

    @property
    def low(self) -> float:
        return self._bound(-1)

    @property
    def high(self) -> float:
        return self._bound(+1)

    def _bound(self, sign: int) -> float:
        if not self.total:
            return 0.0 if sign < 0 else 1.0
        n, p, z = self.total, self.value, Z95_TWO_SIDED
        centre = p + z * z / (2 * n)
        spread = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (centre + sign * spread) / (1 + z * z / n)

    def as_json(self) -> dict[str, float | int]:
        return {
            "hits": self.hits,
            "total": self.total,
            "share": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
        }
