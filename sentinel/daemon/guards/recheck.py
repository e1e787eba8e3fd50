"""Checks the bytes of an accepted intent again after a delay, by the rules that passed them."""

from __future__ import annotations

from sentinel.core.actions import Swap
from sentinel.core.decision import Act
from sentinel.core.errors import Refused, Unavailable
from sentinel.core.record import CycleRecord
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent
from sentinel.core.valuation import reference_prices, value
from sentinel.daemon.parts import Parts
from sentinel.decide.operator_controls import FLATTEN, Purpose
from sentinel.decide.policy import REVOKE_RULES, Policy
from sentinel.orders.typed.judgements import counted


async def still_good(parts: Parts, intent: Intent) -> bool:
    """Whether policy passes the bytes of an accepted intent at the newest head. Call it if sending was delayed.

    Raises Unavailable if the endpoints disagree on the head, or do not answer.
    """
    if (why := parts.rpc.disputed) is not None:
        raise Unavailable(why)
    if intent.order_hash is not None:
        order = parts.force.value.order
        if order is None or order.hash != intent.order_hash or not order.stands():
            return False  # it was cancelled or replaced
    head = parts.latest.value
    state = await parts.market.read(head)
    try:
        confirmed = await parts.toolkit.confirm(intent, head, state)
    except Refused:  # a contract of the trade has changed
        return False
    now, record = parts.clock(), cycle_of(parts, intent.id)
    policy, spent = parts.policy.without_order(), parts.journal.spent_today(now)
    if record is None:  # no cycle decided it: it sets or revokes an allowance
        policy = Policy(parts.network, parts.limits, revoke_rules=REVOKE_RULES)
    elif record.state is not None and isinstance(action := intent.decision.simulation.candidate.action, Swap):
        gross = {action.token_in: intent.decision.simulation.gross}  # already in the day's volume since it was accepted
        spent = Spent(spent.loss, spent.volume - value(gross, reference_prices(record.state), parts.network))
    if record is not None and record.proposal is not None and record.proposal.source == FLATTEN:
        policy = policy.serving(Purpose.SALE)
    verdicts = policy.check(confirmed, intent.decision, state, head, spent, now)
    return all(verdict.ok for verdict in verdicts)


def decided(parts: Parts, intent_id: str) -> Act | None:
    """The act that an intent carries out; None if no cycle decided it."""
    record = cycle_of(parts, intent_id)
    return record.decision if record is not None and isinstance(record.decision, Act) else None


def judged(parts: Parts, intent_id: str) -> str:
    """What the student judged where the trade of an intent hung on it; empty if it did not."""
    record = cycle_of(parts, intent_id)
    if record is None or record.proposal is None or record.exit_made or not record.proposal.judged:
        return ""
    return f"by the student's judgement: {counted(record.proposal.judged)}"


def cycle_of(parts: Parts, intent_id: str) -> CycleRecord | None:
    """The record of the cycle that decided an intent; None if there is none."""
    try:
        return parts.journal.get_cycle(intent_id)
    except KeyError:
        return None
