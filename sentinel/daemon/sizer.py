"""Scales the voted trade to the size that its agreement supports, as a candidate of its own.

Only simulated bytes are signed, so nothing is scaled after the simulation: the smaller trade is built from the head's
state like every trade, simulated at the same head, and screened by the same policy. If any of this fails, the decision
is a Hold, never the larger trade.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sentinel.core.actions import Candidate, Swap
from sentinel.core.decision import Act, Decision, Sized
from sentinel.core.errors import ActionFault
from sentinel.core.market_state import MarketState
from sentinel.core.ports import Policy, Toolkit
from sentinel.core.simulation import Simulation
from sentinel.core.spent import Spent
from sentinel.core.units import BPS
from sentinel.decide.sizing import Sizes, resized, size_hold

Scale = Callable[[MarketState, Swap, int], Swap]  # to that many bps; raises ActionFault if no trade results


@dataclass(frozen=True, slots=True)
class Sizer:
    """`size` is a stage of the cycle. A replay uses `plan` and `screened`, which need no chain."""

    sizes: Sizes
    scale: Scale
    toolkit: Toolkit
    policy: Policy

    async def size(self, act: Act, state: MarketState, spent: Spent) -> tuple[Decision, Sized | None]:
        """The act to carry out, or a Hold, and the simulated smaller trade if there is one.

        Raises ForkUnavailable within the fork's timeout.
        """
        planned = plan(act, state, self.sizes, self.scale)
        if not isinstance(planned, Candidate):
            return planned, None
        (simulation,) = await self.toolkit.simulate_all(state, [planned])
        sized = screened(simulation, state, spent, self.policy)
        return resized(act, self.sizes.of(act.votes, act.asked), sized), sized


def plan(act: Act, state: MarketState, sizes: Sizes, scale: Scale) -> Decision | Candidate:
    """The candidate of the smaller trade. If there is none, the decision: the whole act, or a Hold."""
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


def screened(simulation: Simulation, state: MarketState, spent: Spent, policy: Policy) -> Sized:
    """The simulated smaller trade with the refusal of policy, if there is one."""
    ballots, refusals = policy.screen([simulation], state, spent)
    return Sized(simulation, None if ballots else refusals[0])
