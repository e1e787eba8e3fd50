"""Two students on the same states: the mean difference of a score, and how sure it is, by paired bootstrap. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from sentinel.core.errors import OperatorError

RESAMPLES = 10_000
BATCH = 2_000_000  # values that are drawn at a time
MISSING = "comparing students takes scipy, which is not installed: pip install sentinel-trader[distill]"


@dataclass(frozen=True, slots=True)
class Difference:
    """New minus old, the mean over the states; with the percentile bootstrap's 95 % interval."""

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
    """`pairs` are (new, old) of one state each; their order is of no account. States are drawn with replacement, both
    scores of a state together. Where all differences are equal the interval is that one point, however few they are:
    the caller asks for enough of them. Raises ValueError for no pairs, OperatorError where scipy is missing."""
    if not pairs:
        raise ValueError("no state was judged for both")
    found = sorted(new - old for new, old in pairs)
    if found[0] == found[-1]:
        return Difference(found[0], found[0], found[0], len(found))
    try:
        from scipy.stats import bootstrap
    except ImportError as error:
        raise OperatorError(MISSING) from error
    interval = bootstrap(
        (found,),
        lambda drawn, axis: drawn.mean(axis),
        n_resamples=resamples,
        batch=max(1, BATCH // len(found)),
        confidence_level=0.95,
        method="percentile",
        rng=seed,
    ).confidence_interval
    return Difference(fmean(found), float(interval.low), float(interval.high), len(found))


@dataclass(frozen=True, slots=True)
class Comparison:
    success: Difference  # share of states
    regret: Difference  # bps of equity a state; less is better
    unpaired: int  # states that were judged for one of the two alone

    @property
    def better(self) -> bool:
        """Surely more successes and not surely more regret; or surely less regret, and no fewer successes."""
        if self.success.low > 0:
            return self.regret.low <= 0
        return self.success.mean >= 0 and self.regret.high < 0

    def as_json(self) -> dict[str, Any]:
        return {
            "success": self.success.as_json(),
            "regret_bps": self.regret.as_json(),
            "unpaired": self.unpaired,
            "better": self.better,
        }


def compare(
    new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]], *, seed: int = 1, resamples: int = RESAMPLES
) -> Comparison:
    """Of what `evaluate` says of each state ("state", "success", "regret_bps"), paired by state. Raises ValueError
    where a state occurs twice, or none is common."""
    ours, theirs = _by_state(new), _by_state(old)
    common = sorted(ours.keys() & theirs.keys())
    pairs = {
        name: [(float(ours[state][name]), float(theirs[state][name])) for state in common]
        for name in ("success", "regret_bps")
    }
    return Comparison(
        difference(pairs["success"], seed=seed, resamples=resamples),
        difference(pairs["regret_bps"], seed=seed, resamples=resamples),
        len(ours.keys() ^ theirs.keys()),
    )


def _by_state(judged: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    found = {str(one["state"]): one for one in judged}
    if len(found) != len(judged):
        raise ValueError("a state was judged twice")
    return found
