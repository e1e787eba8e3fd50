"""Compare two students on the same orders: mean difference of a score with its interval by paired bootstrap. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from sentinel.core.errors import OperatorError

RESAMPLES = 10_000
BATCH = 2_000_000  # values per draw
MISSING = "comparing students needs scipy, which is not installed: pip install sentinel-trader[distill]"


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of new minus old over the pairs, with the 95 % interval of the percentile bootstrap."""

    mean: float
    low: float
    high: float
    pairs: int

    def as_json(self) -> dict[str, float | int]:
        return {
            "mean": round(self.mean, 6),
            "low": round(self.low, 6),
            "high": round(self.high, 6),
            "pairs": self.pairs,
        }


def difference(pairs: Sequence[tuple[float, float]], *, seed: int = 1, resamples: int = RESAMPLES) -> Difference:
    """The difference over `pairs`, which are (new, old) of one order or block each, in any order.

    Pairs are drawn with replacement. If all differences are equal, the interval is that point, even for few pairs: the
    caller must require enough of them. Raises ValueError if there are no pairs, and OperatorError if scipy is missing.
    """
    if not pairs:
        raise ValueError("nothing was judged for both")
    differences = sorted(new - old for new, old in pairs)
    if differences[0] == differences[-1]:
        return Difference(differences[0], differences[0], differences[0], len(differences))
    try:
        from scipy.stats import bootstrap
    except ImportError as error:
        raise OperatorError(MISSING) from error
    interval = bootstrap(
        (differences,),
        lambda drawn, axis: drawn.mean(axis),
        n_resamples=resamples,
        batch=max(1, BATCH // len(differences)),
        confidence_level=0.95,
        method="percentile",
        rng=seed,
    ).confidence_interval
    return Difference(fmean(differences), float(interval.low), float(interval.high), len(differences))
