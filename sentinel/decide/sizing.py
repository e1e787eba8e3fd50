"""Scale a voted trade down to the size that its agreement supports. Pure.

Sizes come from the acts of a calibration, counted by agreement. At each measured level

    size = min(1, max_risk / wrong_high), and never more than at a higher level

where `wrong_high` is the upper end of the Wilson 95 % interval of the share of wrong acts.

- A level with fewer than MIN_ACTS acts is pooled with the levels below it until the pool has MIN_ACTS.
- Each part of such a pool, from its top down, counts as if it had MIN_ACTS acts. The largest `wrong_high` of the parts
  and of the whole pool applies.
- So wrong share times size stays within `max_risk` at every level. Neither less agreement nor fewer right acts ever
  give a larger size.
- An agreement that was never measured takes the size of the next lower measured level. Below the lowest one the size
  is 0.

Sizes only reduce acts that reach the quorum. They never allow an act below it.
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
    """`steps`: (agreement in bps of the samples asked for, size in bps of the voted one), highest agreement first."""

    steps: tuple[tuple[int, int], ...]

    def of(self, votes: int, asked: int) -> int:
        """Size in bps of the voted one; 0 below the lowest measured agreement."""
        share = votes * BPS // asked
        return next((size for agreement, size in self.steps if agreement <= share), 0)


def sizes(levels: Sequence[Level], max_risk: float) -> Sizes:
    """The size at each measured agreement. `max_risk` is the largest share of acts that may be wrong (0 to 1)."""
    counts = by_agreement(levels)
    steps, size = [], BPS
    for position, level in enumerate(counts):
        size = min(size, int(BPS * max_risk / _wrong_high(counts[position:])))
        steps.append((level.share_bps, size))
    return Sizes(tuple(steps))


def _wrong_high(levels: Sequence[Level]) -> float:
    """`wrong_high` of the first level, pooled with the following levels until there are MIN_ACTS acts."""
    wrong = total = 0
    worst = 0.0
    for level in levels:
        wrong, total = wrong + level.total - level.right, total + level.total
        if total >= MIN_ACTS:
            break
        worst = max(worst, Share(wrong * MIN_ACTS // total, MIN_ACTS).high)
    return max(worst, Share(wrong, total).high)


def resized(act: Act, size_bps: int, sized: Sized) -> Decision:
    """The act with its trade replaced by `sized`; a Hold if policy refused that trade, or if it is not smaller."""
    if sized.refusal is not None:
        return size_hold(act, size_bps, f"{sized.refusal.rule}: {sized.refusal.detail}")
    if not _is_part(act, size_bps, sized):
        return size_hold(act, size_bps, "what was simulated is not the smaller trade")
    return replace(act, simulation=sized.simulation, size_bps=size_bps)


def size_hold(act: Act, size_bps: int, why: str) -> Hold:
    """The hold of an act that is not possible at its supported size. `why` is one sentence."""
    return Hold(HoldReason.SIZED_OUT, act.votes, act.asked, f"sized to {size_bps / 100:g} % by calibration: {why}")


def _is_part(act: Act, size_bps: int, sized: Sized) -> bool:
    """Whether `sized` takes the routes of `act`, each with at most `size_bps` of its input, in simulation too."""
    voted, smaller = act.simulation.candidate.action, sized.simulation.candidate.action
    if not (isinstance(voted, Swap) and isinstance(smaller, Swap) and len(voted.routes) == len(smaller.routes)):
        return False
    routes_fit = all(
        route.legs == voted_route.legs and route.amount_in * BPS <= voted_route.amount_in * size_bps
        for route, voted_route in zip(smaller.routes, voted.routes, strict=True)
    )
    return routes_fit and sized.simulation.gross * BPS <= act.simulation.gross * size_bps
