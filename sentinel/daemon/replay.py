"""Decides again on a journaled cycle, stage by stage, from its record alone. Pure (I28).

Policy screens the recorded simulations, the vote counts the ballots, and the final check judges the recorded
simulations of the final bytes. Records from before schema 4 hold neither the day's totals nor what the final check
judged: their recorded verdicts stand, and the stage says that it was not replayed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.actions import Candidate
from sentinel.core.decision import Act, Decision, Hold, HoldReason
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.spent import Spent
from sentinel.daemon.calibrated import quorum_bps, sizes
from sentinel.daemon.in_force import builder
from sentinel.daemon.sizer import plan, screened
from sentinel.decide.operator_controls import FLATTEN, Purpose
from sentinel.decide.policy import Policy
from sentinel.decide.sizing import Sizes, resized
from sentinel.decide.vote import vote
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.orders.playing.spending import Spending
from sentinel.orders.playing.standing import restored

BY_THE_DAY = ("daily_loss", "daily_volume")  # rules that need the day's totals, which the record does not hold


@dataclass(frozen=True, slots=True)
class StageReplay:
    name: str  # screen, vote, size or final check
    same: bool | None  # None: it was not replayed
    why: str  # one phrase: what differs, or what was compared


@dataclass(frozen=True, slots=True)
class Replayed:
    decision: Decision | None  # None if the cycle ended before the vote, or a needed simulation is missing
    same: bool
    why: str  # one sentence
    stages: tuple[StageReplay, ...] = ()


def decide_again(
    record: CycleRecord, settings: Settings, network: Network, order_spending: Spending | None = None
) -> Replayed:
    """Decide with the limits, quorum and sizes of `settings`. `order_spending`: of the record's order, for allowances.

    The decision may differ from the recorded one if the settings differ from those of that time.
    """
    if record.state is None or record.proposal is None:
        why = record.decision.reason if isinstance(record.decision, Hold) else "the record has no state"
        return Replayed(None, isinstance(record.decision, Hold), f"the cycle ended before the vote: {why}")
    terms = Terms.of(settings, network)
    sold = record.proposal.source == FLATTEN  # one proposal without sampling, as in cycles.py
    policy = _policy(record, terms, sold, order_spending)
    ballots, screen = _screened(record, record.state, policy)
    again = vote(
        ballots,
        asked=record.proposal.asked,
        quorum_bps=0 if sold else quorum_bps(settings),
        agreement_bps=settings.vote.agreement_bps,
        dust=terms.dust(record.state.prices),
    )
    if not screen.same:
        return Replayed(again, False, screen.why, (screen,))
    if not sold and isinstance(again, Act) and (supported := sizes(settings)) is not None and record.played is None:
        build = builder(terms, network, record.state.prices)
        decided = _sized(record, record.state, again, supported, policy, build)
    else:
        decided = _compare(record, again)
    final = _final(record, record.state, decided.decision, policy)
    stages = (screen, StageReplay("vote", decided.same, decided.why), *((final,) if final is not None else ()))
    if final is not None and final.same is False:
        return replace(decided, same=False, why=final.why, stages=stages)
    return replace(decided, stages=stages)


def _screened(record: CycleRecord, state: MarketState, policy: Policy) -> tuple[tuple[Simulation, ...], StageReplay]:
    """The ballots of the recorded simulations, and whether policy refuses the same ones."""
    ballots, refusals = policy.screen(record.simulations, state, record.spent or Spent(0, 0))
    by_the_day: set[int] = set()
    if record.spent is None:  # an older record: these rules cannot be judged again
        by_the_day = {refusal.index for refusal in record.refusals if refusal.rule in BY_THE_DAY}
        ballots = tuple(ballot for ballot in ballots if ballot.candidate.index not in by_the_day)
    now_refused = {refusal.index for refusal in refusals} | by_the_day
    then_refused = {refusal.index for refusal in record.refusals}
    if now_refused != then_refused:
        changed = ", ".join(str(index) for index in sorted(now_refused ^ then_refused))
        return ballots, StageReplay("screen", False, f"policy now judges candidates {changed} differently")
    then = {refusal.index: refusal.rule for refusal in record.refusals}
    if other := [refusal for refusal in refusals if then.get(refusal.index, refusal.rule) != refusal.rule]:
        why = f"candidate {other[0].index} is refused by {other[0].rule} now, by {then[other[0].index]} then"
        return ballots, StageReplay("screen", False, why)
    return ballots, StageReplay("screen", True, f"{len(ballots)} ballots, {len(then_refused)} refused, as recorded")


def _final(record: CycleRecord, state: MarketState, again: Decision | None, policy: Policy) -> StageReplay | None:
    """The final check, made again. None if the cycle did not reach it."""
    if not record.verdicts:
        return None
    if record.final is None or record.spent is None or not isinstance(again, Act):
        return StageReplay("final check", None, "not replayed: the record does not hold what it judged")
    final = record.final
    verdicts = policy.check(final.confirmed, again, state, final.head, record.spent, final.at)
    differs = [now for then, now in zip(record.verdicts, verdicts, strict=False) if then != now]
    if differs or len(verdicts) != len(record.verdicts):
        first = differs[0] if differs else verdicts[-1]
        return StageReplay("final check", False, f"rule {first.rule} now says: {first.detail}")
    return StageReplay("final check", True, f"{len(verdicts)} verdicts, as recorded")


def _policy(record: CycleRecord, terms: Terms, sold: bool, order_spending: Spending | None) -> Policy:
    """With the recorded play of the order, if there was one."""
    if (played := record.played) is None:
        return Policy(terms.network, terms.limits, purpose=Purpose.SALE if sold else None)
    play = restored(played)
    return Policy(
        terms.network,
        terms.limits,
        plays=lambda state: play,
        order_tolerance_bps=terms.order_tolerance_bps,
        order_cost_bps=played.cost_bps,
        order_max_trade=Decimal(played.max_trade) if played.max_trade else None,
        order_spending=order_spending,
    )


def _sized(
    record: CycleRecord, state: MarketState, voted: Act, supported: Sizes, policy: Policy, build: ActionBuilder
) -> Replayed:
    """Plan the smaller trade again. Its effects come from the record, if the recorded smaller trade is identical."""
    planned = plan(voted, state, supported, build.scaled)
    if not isinstance(planned, Candidate):
        return _compare(record, planned)
    recorded = record.sized
    if recorded is None and isinstance(record.decision, Hold):  # before the smaller trade was simulated
        return _compare(record, voted)
    if recorded is None or recorded.simulation.candidate != planned:
        return Replayed(None, False, "the smaller trade that today's sizes give is not in the record")
    sized = screened(recorded.simulation, state, Spent(0, 0), policy)
    if recorded.refusal is not None and recorded.refusal.rule in BY_THE_DAY:
        sized = recorded
    return _compare(record, resized(voted, supported.of(voted.votes, voted.asked), sized))


def _compare(record: CycleRecord, again: Decision) -> Replayed:
    recorded = record.decision
    if isinstance(recorded, Hold) and isinstance(again, Act):
        if record.verdicts or recorded.reason is HoldReason.REFUSED:
            counted = (recorded.votes, recorded.asked) in ((again.votes, again.asked), (0, 0))
            return Replayed(again, counted, "the same vote; the final check then refused it, which is not replayed")
        if recorded.reason not in VOTED:
            return Replayed(again, True, f"the same vote; afterwards it held: {recorded.reason}")
    if recorded == again:
        return Replayed(again, True, "the same decision")
    return Replayed(again, False, "the vote has a different result")


VOTED = (HoldReason.HOLD_VOTED, HoldReason.NO_MAJORITY, HoldReason.TIE, HoldReason.SIZED_OUT)
