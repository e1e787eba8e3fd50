"""Scale a voted trade down to the size that its agreement supports. Pure.

The rule, from a calibration's acts by agreement: at each level that was measured

    size = min(1, max_risk / wrong_high), and never more than at a higher level

where `wrong_high` is the most that acts there may be wrong: the upper end of the Wilson 95 % interval of their wrong
share. A level with fewer than LEAST_ACTS acts is taken together with those below it until there are so many, and no
part of such a pool, from its top down, may look worse than the pool: it counts as if it had LEAST_ACTS. So wrong share
times size stays within `max_risk` at every level, less agreement never gives a larger size, and neither do fewer right
acts. An agreement that was never measured takes the size of the next lower one; below all of them nothing is supported.

Sizes only make smaller what the quorum lets through: they never speak for an act below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sentinel.core.actions import Swap
from sentinel.core.decision import Act, Decision, Hold, HoldReason, Sized
from sentinel.core.statistics import Share
from sentinel.core.units import BPS
from sentinel.decide.quorum import MIN_ACTS, Level, by_agreement


@dataclass(frozen=True, slots=True)
class Sizes:
    """`steps`: (agreement, size), highest agreement first, each agreement once; bps of those asked, of full size."""

    steps: tuple[tuple[int, int], ...]

    def of(self, votes: int, asked: int) -> int:
        """Bps of full size; 0 where no agreement as low as this was measured."""
        share = votes * BPS // asked
        return next((size for agreement, size in self.steps if agreement <= share), 0)


def sizes(levels: Sequence[Level], max_risk: float) -> Sizes:
    counts = by_agreement(levels)
    steps, size = [], BPS
    for place, level in enumerate(counts):
        size = min(size, int(BPS * max_risk / _wrong_high(counts[place:])))
        steps.append((level.share_bps, size))
    return Sizes(tuple(steps))


def _wrong_high(downwards: Sequence[Level]) -> float:
    """Of the first level, with as many of the following ones as it takes."""
    wrong = total = 0
    worst = 0.0
    for level in downwards:
        wrong, total = wrong + level.total - level.right, total + level.total
        if total >= MIN_ACTS:
            break
        worst = max(worst, Share(wrong * MIN_ACTS // total, MIN_ACTS).high)
    return max(worst, Share(wrong, total).high)


def resized(act: Act, size_bps: int, sized: Sized) -> Decision:
    """The act with the smaller trade in its place; a Hold where policy refused it, or where it is no smaller trade."""
    if sized.refusal is not None:
        return size_hold(act, size_bps, f"{sized.refusal.rule}: {sized.refusal.detail}")
    if not _is_part(act, size_bps, sized):
        return size_hold(act, size_bps, "what was simulated is not the smaller trade")
    return replace(act, simulation=sized.simulation, size_bps=size_bps)


def size_hold(act: Act, size_bps: int, why: str) -> Hold:
    """`why`: one sentence."""
    return Hold(HoldReason.SIZED_OUT, act.votes, act.asked, f"sized to {size_bps / 100:g} % by calibration: {why}")


def _is_part(act: Act, size_bps: int, sized: Sized) -> bool:
    """The same ways as were voted for, each with at most its part put in, and no more than that when simulated."""
    whole, part = act.simulation.candidate.action, sized.simulation.candidate.action
    if not (isinstance(whole, Swap) and isinstance(part, Swap) and len(whole.routes) == len(part.routes)):
        return False
    ways = all(
        less.legs == more.legs and less.amount_in * BPS <= more.amount_in * size_bps
        for less, more in zip(part.routes, whole.routes, strict=True)
    )
    return ways and sized.simulation.gross * BPS <= act.simulation.gross * size_bps
