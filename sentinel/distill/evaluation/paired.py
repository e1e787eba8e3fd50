"""Compare two students on the same states: mean difference of a score with its interval by paired bootstrap. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from sentinel.core.errors import OperatorError

RESAMPLES = 10_000
BATCH = 2_000_000  # values per draw
MISSING = "comparing students needs scipy, which is not installed: pip install sentinel-trader[distill]"


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of new minus old over the states, with the 95 % interval of the percentile bootstrap."""

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
    """The difference over `pairs`, which are (new, old) of one state each, in any order.

    States are drawn with replacement, and both scores of a state are drawn together. If all differences are equal, the
    interval is that point, even for few pairs: the caller must require enough of them. Raises ValueError if there are
    no pairs, and OperatorError if scipy is missing.
    """
    if not pairs:
        raise ValueError("no state was judged for both")
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


@dataclass(frozen=True, slots=True)
class Comparison:
    """A new student against an old one."""

    success: Difference  # share of states
    regret: Difference  # bps of equity per state; less is better
    unpaired: int  # states that were judged for only one of the two

    @property
    def better(self) -> bool:
        """Success surely higher and regret not surely higher, or regret surely lower and success no lower."""
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
    """Compare two lists of judged states ("state", "success", "regret_bps"), paired by state.

    Raises ValueError if a state occurs twice, or if no state is in both lists.
    """
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
    by_state = {str(state["state"]): state for state in judged}
    if len(by_state) != len(judged):
        raise ValueError("a state was judged twice")
    return by_state
