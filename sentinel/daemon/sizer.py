"""After the vote: the trade at the size that its agreement supports, a candidate of its own.

What is signed is what was simulated, so nothing is scaled afterwards: the smaller trade is built from the head's state
as every trade is, simulated at that same head, and screened by the same policy. What does not come through is a Hold,
never the larger trade.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sentinel.core.actions import Candidate, Swap
from sentinel.core.decision import Act, Decision, Sized
from sentinel.core.errors import ActionFault
from sentinel.core.mandate import Spent
from sentinel.core.market_state import MarketState
from sentinel.core.ports import Policy, Toolkit
from sentinel.core.simulation import Simulation
from sentinel.core.units import BPS
from sentinel.decide.sizing import Sizes, resized, size_hold

Scale = Callable[[MarketState, Swap, int], Swap]  # to so many bps of it; raises ActionFault where that is no trade


@dataclass(frozen=True, slots=True)
class Sizer:
    """`size` is the cycle's stage; `plan` is the part of it that needs no chain, for a replay."""

    sizes: Sizes
    scale: Scale
    toolkit: Toolkit
    policy: Policy

    async def size(self, act: Act, state: MarketState, spent: Spent) -> tuple[Decision, Sized | None]:
        """What goes on, and what was made for it. Raises ForkUnavailable within the fork's timeout."""
        planned = plan(act, state, self.sizes, self.scale)
        if not isinstance(planned, Candidate):
            return planned, None
        (tried,) = await self.toolkit.simulate_all(state, [planned])
        sized = screened(tried, state, spent, self.policy)
        return resized(act, self.sizes.of(act.votes, act.asked), sized), sized


def plan(act: Act, state: MarketState, sizes: Sizes, scale: Scale) -> Decision | Candidate:
    """The smaller trade's candidate, or the decision where there is none: all of it, an approval, or a Hold."""
    voted = act.simulation.candidate
    size_bps = sizes.of(act.votes, act.asked)
    if size_bps >= BPS or not isinstance(voted.action, Swap):
        return act
    if size_bps <= 0:
        return size_hold(act, 0, f"no size is supported where {act.votes} of {act.asked} agree")
    try:
        return replace(voted, action=scale(state, voted.action, size_bps))
    except ActionFault as error:
        return size_hold(act, size_bps, str(error))


def screened(tried: Simulation, state: MarketState, spent: Spent, policy: Policy) -> Sized:
    ballots, refusals = policy.screen([tried], state, spent)
    return Sized(tried, None if ballots else refusals[0])
