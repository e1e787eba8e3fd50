"""A vote that holds while the order wants out: the exit is made, under the same policy, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.actions import Candidate, HoldAction, Proposal, Route, Swap
from sentinel.core.decision import Act, Decision, Hold, HoldReason
from sentinel.core.errors import ModelTimeout, ModelUnavailable
from sentinel.core.market_state import Head, MarketState, MarketView, Regime
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Intent
from sentinel.cycle import Cycle
from sentinel.decide.hold_reason import hold_reason
from sentinel.decide.order_outcomes import Deviation, deviations
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.journal.journal import Journal
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.standing import StandingOrder
from sentinel.orders.playing.trades import Side, Trade
from sentinel.orders.typed.order import Order
from tests.decide import fair_market
from tests.decide.fair_market import DEADLINE, HEAD, LATER_ENV, NETWORK, OTHER_ENV, STATE
from tests.decide.plain_calldata import commands_of, execute, leg
from tests.decide.world import World, approving, buying

VIEW = MarketView({"WETH": 5000, "USDC": 5000}, Regime.UNKNOWN, 1.0, 10**9, "settings")
SOLD = 10**18 // 4  # base units of WETH, 500 USDC
WHY = "the price of WETH (1,482.10 USDC) is below 1,500 USDC: sell 0.25 WETH for 500.00 USDC"
SELL = Play(Trade(Side.SELL, "WETH", "USDC", Decimal("0.25"), Decimal(500)), 0, WHY, frozenset())
BUY = Play(Trade(Side.BUY, "USDC", "WETH", Decimal(500), Decimal(500)), 0, "buy WETH", frozenset())
SWAP = Play(Trade(Side.SWAP, "WETH", "WBTC", Decimal("0.25"), Decimal(500)), 0, "swap WETH", frozenset())
WAIT = Play(None, None, "next buy in 12 minutes", frozenset())


def selling(amount: int = SOLD) -> World:
    """WETH for USDC in one leg, its fee paid."""
    got = amount * 2000 * 997 // 1000 // 10**12
    swap = Swap((Route((leg("WETH/USDC-v2", "WETH", "USDC"),), amount),), got * 995 // 1000, DEADLINE)
    return World(swap, {"WETH": -amount, "USDC": got}, amount, execute(commands_of(swap)))


@dataclass
class Trading:
    """A trader that always proposes these worlds, or to hold."""

    worlds: Sequence[World | None]
    source: str
    asked: list[int] = field(default_factory=list)
    fails: Exception | None = None

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        self.asked.append(n)
        if self.fails is not None:
            raise self.fails
        actions = [HoldAction("I wait") if world is None else world.action for world in self.worlds]
        candidates = tuple(Candidate(i, action, "Thought: …") for i, action in enumerate(actions))
        return Proposal(n, candidates, (), (), (), 1, self.source)

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        raise AssertionError("nothing asks for more samples")


@dataclass
class Lacking:
    """An allowance is missing. The student would approve as the order's own approval does."""

    asked: list[int] = field(default_factory=list)

    def lacking(self, state: MarketState) -> str | None:
        return "WETH"

    async def propose(self, state: MarketState, token: str, n: int) -> Proposal:
        self.asked.append(n)
        return replace(self.own(state, token)[0], source="student:small")

    def own(self, state: MarketState, token: str) -> tuple[Proposal]:
        return (Proposal(1, (Candidate(0, approving().action, "approve"),), (), (), (), 1, "oracle"),)


@dataclass
class Desk:
    """A cycle over the real policy, vote and journal; its simulations are those of the worlds."""

    journal: Journal
    play: Play
    voters: Trading = field(default_factory=lambda: Trading([None] * 8, "student:small"))
    player: Trading = field(default_factory=lambda: Trading([selling()], "oracle"))
    max_trade: int = fair_market.LIMITS.max_trade
    confirmed: list[Intent] = field(default_factory=list)
    stands: bool = True
    allowances: Lacking | None = None

    async def read(self, head: Head) -> MarketState:
        return STATE

    def view(self, state: MarketState) -> MarketView:
        return VIEW

    async def simulate_all(self, state: MarketState, candidates: Sequence[Candidate]) -> tuple[Simulation, ...]:
        return tuple(self._simulated(candidate) for candidate in candidates)

    def _simulated(self, candidate: Candidate) -> Simulation:
        for world in (*self.voters.worlds, *self.player.worlds):
            if world is not None and world.action == candidate.action:
                return replace(world.simulation(), candidate=candidate)
        return Simulation(candidate, None, fair_market.ENV, {}, 0, 0, (), None)

    async def confirm(self, intent: Intent, head: Head, state: MarketState) -> tuple[Simulation, ...]:
        self.confirmed.append(intent)
        first = intent.decision.simulation
        return first, replace(first, env=OTHER_ENV), replace(first, env=LATER_ENV)

    def _vote(self, ballots: Sequence[Simulation], asked: int, state: MarketState) -> Decision:
        return vote(ballots, asked=asked)

    async def run(self, *, exits: bool = True) -> CycleRecord:
        limits = replace(fair_market.LIMITS, max_trade=self.max_trade)
        order = parse("If the price of WETH is below 1,500 USDC, sell all of WETH, once.", "USDC")
        assert isinstance(order, Order)
        desk: Any = self
        return await Cycle(
            market=desk,
            analyst=desk,
            trader=self.voters,
            toolkit=desk,
            policy=Policy(NETWORK, limits, plays=lambda state: self.play, order_tolerance_bps=500),
            vote=self._vote,
            executor=DryRunExecutor(self.journal),
            journal=self.journal,
            samples=8,
            newest=lambda: HEAD,
            clock=lambda: float(fair_market.NOW + 3),
            order=StandingOrder(order, "a1", lambda state: self.play, lambda: self.play.why, lambda: self.stands),
            exits=self.player if exits else None,
            allowances=self.allowances,
        ).run(HEAD)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.open(tmp_path / "journal", NETWORK, "0x00", fair_market.WALLET)
    yield journal
    journal.close()


async def test_an_exit_that_the_vote_leaves_is_made(journal: Journal) -> None:
    """From a proposal of its own that the same policy has judged; the record says that the vote had missed it."""
    desk = Desk(journal, SELL)
    record = await desk.run()
    assert isinstance(record.decision, Act), hold_reason(record)
    assert record.decision.simulation.candidate.action == selling().action
    assert (desk.voters.asked, desk.player.asked) == ([8], [1])
    assert record.proposal is not None
    assert (record.proposal.source, record.proposal.asked, record.exit_made) == ("oracle", 1, True)
    assert all(verdict.ok for verdict in record.verdicts)
    assert "order" in {verdict.rule for verdict in record.verdicts}
    assert deviations(record) == {Deviation.MISSED}
    assert record.intent_id is not None
    assert [(one.order_hash, one.clause) for one in desk.confirmed] == [("a1", 0)]
    (line,) = journal.cycles(5)
    kept = journal.get_cycle(line.id)
    assert (kept.exit_made, kept.played) == (True, record.played)


@pytest.mark.parametrize("error", [ModelUnavailable("the server is down"), ModelTimeout("too slow")])
async def test_an_exit_needs_no_model(journal: Journal, error: Exception) -> None:
    """A stop is made while the student is down or slow; a buy is not, and without exits nothing is."""
    silent = Trading([None] * 8, "student:small", fails=error)
    record = await Desk(journal, SELL, voters=silent).run()
    assert isinstance(record.decision, Act), hold_reason(record)
    assert record.exit_made
    for play, exits in ((BUY, True), (SELL, False)):
        held = await Desk(journal, play, voters=silent).run(exits=exits)
        assert isinstance(held.decision, Hold)
        assert str(error) in held.decision.detail


async def test_an_order_that_is_cancelled_during_the_cycle_trades_nothing(journal: Journal) -> None:
    """Not even the exit that it wanted."""
    for voters in (Trading([None] * 8, "student:small"), Trading([selling()] * 8, "student:small")):
        record = await Desk(journal, SELL, voters=voters, stands=False).run()
        assert isinstance(record.decision, Hold)
        assert "cancelled or replaced" in record.decision.detail
        assert record.intent_id is None


async def test_no_exit_is_made_if_the_vote_alone_decides(journal: Journal) -> None:
    desk = Desk(journal, SELL)
    record = await desk.run(exits=False)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.exit_made, desk.player.asked) == (HoldReason.HOLD_VOTED, False, [])
    assert deviations(record) == {Deviation.MISSED}


@pytest.mark.parametrize("play", [BUY, WAIT, SWAP])
async def test_what_is_no_exit_is_left_to_the_vote(journal: Journal, play: Play) -> None:
    """A missed buy costs nothing that was held: it is not made, nor is a swap for another coin."""
    desk = Desk(journal, play, player=Trading([buying()], "oracle"))
    record = await desk.run()
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.exit_made, desk.player.asked) == (HoldReason.HOLD_VOTED, False, [])


async def test_a_vote_that_sells_needs_no_exit(journal: Journal) -> None:
    desk = Desk(journal, SELL, voters=Trading([selling()] * 8, "student:small"))
    record = await desk.run()
    assert isinstance(record.decision, Act)
    assert (record.decision.votes, record.exit_made, desk.player.asked) == (8, False, [])
    assert deviations(record) == frozenset()


async def test_a_refused_exit_holds_with_the_reason_of_the_refusal(journal: Journal) -> None:
    """The limits bind the exit as they bind every trade, and the words name the rule and its numbers."""
    record = await Desk(journal, SELL, max_trade=100 * 10**6).run()
    assert isinstance(record.decision, Hold)
    assert (record.exit_made, record.intent_id) == (True, None)
    (refusal,) = record.refusals
    assert refusal.rule == "trade_size"
    assert f"trade_size: {refusal.detail}" in hold_reason(record)
    assert "SENTINEL_LIMITS__MAX_TRADE" in hold_reason(record)


async def test_an_exit_that_is_not_the_orders_own_is_refused(journal: Journal) -> None:
    """The order guard judges the exit too: half of it, or another trade, is not what the player makes."""
    for wrong in (selling(SOLD // 2), buying()):
        record = await Desk(journal, SELL, player=Trading([wrong], "oracle")).run()
        assert isinstance(record.decision, Hold)
        assert [refusal.rule for refusal in record.refusals] == ["order"]
        assert "order" in hold_reason(record)


@pytest.mark.parametrize("play", [SELL, WAIT])
async def test_an_approval_is_no_fill_of_the_order(journal: Journal, play: Play) -> None:
    """Whether the player trades or waits: an order that sells once has not sold when an allowance was set."""
    desk = Desk(journal, play, voters=Trading([approving()] * 8, "student:small"))
    record = await desk.run()
    assert isinstance(record.decision, Act), hold_reason(record)
    assert record.intent_id is not None
    assert journal.simulation_of(record.intent_id).candidate.action == approving().action
    assert [(one.order_hash, one.clause) for one in desk.confirmed] == [(None, None)]


@pytest.mark.parametrize(("play", "asked"), [(SELL, []), (WAIT, [8])])
async def test_the_allowance_of_an_exit_waits_for_no_model(journal: Journal, play: Play, asked: list[int]) -> None:
    """Any other is proposed by the student."""
    desk = Desk(journal, play, player=Trading([approving()], "oracle"), allowances=Lacking())
    record = await desk.run()
    assert isinstance(record.decision, Act), hold_reason(record)
    assert record.decision.simulation.candidate.action == approving().action
    assert desk.allowances is not None
    assert desk.allowances.asked == asked
    assert record.proposal is not None
    assert record.proposal.source == ("student:small" if asked else "oracle")


async def test_a_paused_daemon_makes_no_exit(journal: Journal) -> None:
    journal.halt("the operator said so", by="operator")
    desk = Desk(journal, SELL)
    record = await desk.run()
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, desk.voters.asked, desk.player.asked) == (HoldReason.PAUSED, [], [])
