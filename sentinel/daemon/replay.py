"""Decide again on a journaled cycle: the same policy and vote over the recorded simulations. Pure (I28).

What the record does not hold is taken as it was judged then, and said so: the day's totals, and the simulations of the
final check.
"""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.actions import Candidate
from sentinel.core.decision import Act, Decision, Hold, HoldReason
from sentinel.core.mandate import Spent
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.daemon.calibrated import quorum_bps, sizes
from sentinel.daemon.in_force import builder
from sentinel.daemon.sizer import plan, screened
from sentinel.decide.operator_controls import FLATTEN
from sentinel.decide.policy import Policy
from sentinel.decide.sizing import Sizes, resized
from sentinel.decide.vote import vote
from sentinel.dex.building.action_builder import ActionBuilder

BY_THE_DAY = ("daily_loss", "daily_volume")  # rules that ask for totals outside the record


@dataclass(frozen=True, slots=True)
class Replayed:
    decision: Decision | None  # None where the recorded cycle ended before there was anything to decide
    same: bool
    why: str  # one sentence


def decide_again(record: CycleRecord, settings: Settings, network: Network) -> Replayed:
    """With the limits, quorum and sizes of `settings`: other ones than at the time may give another decision."""
    if record.state is None or record.proposal is None:
        why = record.decision.reason if isinstance(record.decision, Hold) else "the record has no state"
        return Replayed(None, isinstance(record.decision, Hold), f"nothing came to the vote: {why}")
    terms = Terms.of(settings, network)
    policy = Policy(network, terms.limits)
    ballots, refusals = policy.screen(record.simulations, record.state, Spent(0, 0))
    by_the_day = {refusal.index for refusal in record.refusals if refusal.rule in BY_THE_DAY}
    ballots = tuple(ballot for ballot in ballots if ballot.candidate.index not in by_the_day)
    sold = record.proposal.source == FLATTEN  # one proposal of no sampling: see cycles.py
    again = vote(
        ballots,
        asked=record.proposal.asked,
        quorum_bps=0 if sold else quorum_bps(settings),
        agreement_bps=settings.vote.agreement_bps,
        dust=terms.dust(record.state.prices),
    )
    now_refused = {refusal.index for refusal in refusals} | by_the_day
    then_refused = {refusal.index for refusal in record.refusals}
    if now_refused != then_refused:
        changed = ", ".join(str(index) for index in sorted(now_refused ^ then_refused))
        return Replayed(again, False, f"policy judges otherwise of candidates {changed}")
    if not sold and isinstance(again, Act) and (supported := sizes(settings)) is not None:
        return _sized(record, record.state, again, supported, policy, builder(terms, network, record.state.prices))
    return _compare(record, again)


def _sized(
    record: CycleRecord, state: MarketState, voted: Act, supported: Sizes, policy: Policy, build: ActionBuilder
) -> Replayed:
    """The smaller trade is made again; what it does is taken from the record, where that has the very same one."""
    planned = plan(voted, state, supported, build.scaled)
    if not isinstance(planned, Candidate):
        return _compare(record, planned)
    then = record.sized
    if then is None and isinstance(record.decision, Hold):  # before the smaller trade was simulated
        return _compare(record, voted)
    if then is None or then.simulation.candidate != planned:
        return Replayed(None, False, "the smaller trade that today's sizes give is not in the record")
    now = screened(then.simulation, state, Spent(0, 0), policy)
    if then.refusal is not None and then.refusal.rule in BY_THE_DAY:
        now = then
    return _compare(record, resized(voted, supported.of(voted.votes, voted.asked), now))


def _compare(record: CycleRecord, again: Decision) -> Replayed:
    then = record.decision
    if isinstance(then, Hold) and isinstance(again, Act):
        if record.verdicts or then.reason is HoldReason.REFUSED:
            counted = (then.votes, then.asked) in ((again.votes, again.asked), (0, 0))
            return Replayed(again, counted, "the same vote; the final check then refused it, which is not replayed")
        if then.reason not in VOTED:
            return Replayed(again, True, f"the same vote; afterwards it held: {then.reason}")
    if then == again:
        return Replayed(again, True, "the same decision")
    return Replayed(again, False, "the vote comes out otherwise")


VOTED = (HoldReason.HOLD_VOTED, HoldReason.NO_MAJORITY, HoldReason.TIE, HoldReason.SIZED_OUT)
