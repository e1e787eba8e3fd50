"""What was accepted and held up is judged again as it was judged at first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sentinel.config.limits import Limits
from sentinel.config.settings import Settings
from sentinel.core.actions import Approve, Candidate
from sentinel.core.decision import Act
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Intent, Outcome, Settled
from sentinel.daemon.guards.recheck import still_good
from sentinel.decide.policy import Policy
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.journal.journal import Journal
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.standing import StandingOrder
from sentinel.orders.typed.order import Order
from tests.daemon.sized_desk import PART, Desk, opened


def parts(desk: Desk, given: Settings, state: MarketState) -> Any:
    limits = Limits.of(given.limits, desk.net.network)
    return SimpleNamespace(
        network=desk.net.network,
        limits=limits,
        policy=Policy(desk.net.network, limits),
        journal=desk.journal,
        market=desk.market,
        toolkit=desk.toolkit,
        latest=SimpleNamespace(value=state.head),
        rpc=SimpleNamespace(disputed=None),
        clock=lambda: float(state.head.timestamp),
    )


def order(net: Network, *, stands: bool) -> StandingOrder:
    """One that has traded: its only fill is the intent itself."""
    read = parse("Buy 300 USDC worth of WETH, once.", net.quote)
    assert isinstance(read, Order)
    done = Play(None, None, "done", frozenset())
    return StandingOrder(read, "a1", lambda state: done, lambda: "done", lambda: stands)


def accepted(journal: Journal, intent: Intent, number: int, record: CycleRecord | None, state: MarketState) -> Intent:
    """Counted and unfinished, as a live executor's. Given back unsigned: it is simulated as in a dry run, since nobody
    can sign its permit here."""
    signed = replace(intent, id=f"{number:032x}", signed=True)
    if record is None:
        journal.accept_order(signed, state)
    else:
        journal.accept(replace(record, intent_id=signed.id), signed)
    return replace(signed, signed=False)


async def test_what_was_held_up_is_judged_as_it_was_at_first(tmp_path: Path) -> None:
    """A trade counts once in the day's volume; the operator's revocation passes a spent day's loss, a model's not."""
    async with opened(tmp_path) as desk:
        given = desk.settings(PART, max_daily_volume=500.0)
        record = await desk.run(given)  # about 300 USDC's worth
        state, trade = record.state, record.decision
        assert isinstance(trade, Act), trade
        assert state is not None
        dry = DryRunExecutor(desk.journal)
        held_up = accepted(desk.journal, await dry.prepare(trade, state), 1, record, state)
        assert desk.journal.spent_today(state.head.timestamp).volume > 250 * 10**6
        assert await still_good(parts(desk, given, state), held_up)
        assert not await still_good(parts(desk, desk.settings(PART, max_daily_volume=250.0), state), held_up)
        for stands in (True, False):  # a trade of an order counts as its fill; it is judged by its limits alone
            judged = parts(desk, given, state)
            judged.force = SimpleNamespace(value=SimpleNamespace(order=order(desk.net.network, stands=stands)))
            play = judged.force.value.order.play
            judged.policy = Policy(desk.net.network, judged.limits, plays=play)
            assert await still_good(judged, replace(held_up, order_hash="a1", clause=0)) is stands
            assert not await still_good(judged, replace(held_up, order_hash="another", clause=0))
        desk.journal.settle(Settled(held_up.id, Outcome.EXPIRED, None, None, 0, 0, {}))

        lost = desk.settings(PART, max_daily_loss=0.000001)
        back = Approve("USDC", "permit2", 0, state.head.timestamp + 120)
        (tried,) = await desk.toolkit.simulate_all(state, [Candidate(0, back, "allowance")])
        revocation = await dry.prepare(Act(tried, 0, 0, 0, 0), state)
        for number, by, good in ((2, None, True), (3, replace(record, decision=revocation.decision), False)):
            held_up = accepted(desk.journal, revocation, number, by, state)
            assert await still_good(parts(desk, lost, state), held_up) is good
            desk.journal.settle(Settled(held_up.id, Outcome.EXPIRED, None, None, 0, 0, {}))
