"""What changes while a cycle is under way: the head, the latch, the model's patience."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent.sandbox import CodeRun
from sentinel.agent.trader import ModelTrader
from sentinel.chain.rpc import MAX_TEXT
from sentinel.config.network_file import load_network
from sentinel.core.actions import Finish, Proposal, Sample
from sentinel.core.decision import Act, Hold, Verdict
from sentinel.core.errors import ModelUnavailable, RpcError, Unavailable
from sentinel.core.market_state import Head, MarketState, MarketView, Regime
from sentinel.core.network import HexHash
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Intent
from sentinel.cycle import CONFIRMS, Cycle
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.journal.journal import Journal
from tests.decide import fair_market, world

pytestmark = pytest.mark.attack("a change between decision and send", "refused")

HEADS = [replace(fair_market.HEAD, number=fair_market.HEAD.number + i, hash=HexHash(f"0x{i:064x}")) for i in range(20)]
VIEW = MarketView({"WETH": 5000, "USDC": 5000}, Regime.UNKNOWN, 1.0, 10**6, "settings")
PROPOSAL = Proposal(1, (world.buying().simulation().candidate,), (), (), (), 1, "oracle")


@dataclass
class Stage:
    """Every stage of a cycle that acts, on a chain whose newest head moves `moves` times while it confirms."""

    journal: Journal
    moves: int = 0
    at: int = 0
    pause_in: str = ""  # the stage in which the operator pauses
    fault: Exception | None = None
    confirmed_on: list[Head] = field(default_factory=list)
    executed: list[Intent] = field(default_factory=list)

    def _enter(self, stage: str) -> None:
        if self.pause_in == stage:
            self.journal.halt("the operator said so", by="operator")

    async def read(self, head: Head) -> MarketState:
        if self.fault:
            raise self.fault
        self._enter("market")
        return replace(fair_market.STATE, head=head)

    def view(self, state: MarketState) -> MarketView:
        return VIEW

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        self._enter("propose")
        return PROPOSAL

    async def simulate_all(self, state: MarketState, candidates: Sequence[Any]) -> tuple[Simulation, ...]:
        return (world.buying().simulation(),)

    def screen(self, simulations: Any, state: Any, spent: Any) -> Any:
        return tuple(simulations), ()

    async def confirm(self, intent: Intent, head: Head, state: MarketState) -> tuple[Simulation, Simulation]:
        self._enter("confirm")
        self.confirmed_on.append(head)
        if self.moves:
            self.moves -= 1
            self.at += 1
        return world.buying().simulation(), world.buying().simulation()

    def check(self, confirmed: Any, decision: Any, state: Any, head: Head, spent: Any, now: float) -> Any:
        assert head == self.confirmed_on[-1]
        return (Verdict("all", True, "fine"),)

    def vote(self, ballots: Sequence[Simulation], asked: int, *_: object) -> Act:
        return Act(ballots[0], 1, 1, 1, 0)

    async def run(self) -> CycleRecord:
        executor = DryRunExecutor(self.journal)
        stage: Any = self
        cycle = Cycle(stage, stage, stage, stage, stage, self.vote, executor, self.journal, 1, lambda: HEADS[self.at])
        return await cycle.run(HEADS[0])


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(tmp_path / "journal", load_network("devnet"), "0x00", fair_market.WALLET)


async def test_a_head_that_came_while_confirming_is_simulated_too(journal: Journal) -> None:
    """I15: what is sent was simulated upon the head that is the newest when the decision falls."""
    stage = Stage(journal, moves=2)
    record = await stage.run()
    assert isinstance(record.decision, Act)
    assert stage.confirmed_on == HEADS[:3]


async def test_blocks_that_come_faster_than_they_are_simulated_are_a_hold(journal: Journal) -> None:
    """Bounded work, and no decision on an overtaken head."""
    stage = Stage(journal, moves=1_000)
    record = await stage.run()
    assert isinstance(record.decision, Hold)
    assert record.decision.reason == "overtaken"
    assert record.intent_id is None
    assert len(stage.confirmed_on) == CONFIRMS


@pytest.mark.parametrize("when", ["market", "propose", "confirm"])
async def test_a_pause_in_the_middle_of_a_cycle_stops_its_trade(journal: Journal, when: str) -> None:
    """No intent is accepted once the latch is on, whatever had been decided by then."""
    record = await Stage(journal, pause_in=when).run()
    assert isinstance(record.decision, Hold)
    assert record.decision.reason == "paused"
    assert journal.trades(5) == ()


@pytest.mark.parametrize("text", ["\ud800 lone surrogates", "x" * 1_000_000, "\x00\x1b[2J"])
async def test_no_text_of_a_failing_part_breaks_the_record(journal: Journal, text: str) -> None:
    """A database takes no lone surrogates, and a record is no place for a megabyte."""
    for fault in (RpcError(text), Unavailable(text)):
        record = await Stage(journal, fault=fault).run()
        assert isinstance(record.decision, Hold)
        assert len(record.decision.detail) <= MAX_TEXT
    assert journal.verify() > 0


class Slow:
    """Each step answers just in time, for ever; or does not answer at all."""

    source = "slow"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked = 0

    async def sample(self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, **_: int) -> list[Sample]:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        return [Sample(0, i, "Thought: I wait.", 1, Finish.STOP) for i in range(n)]


class NoSandbox:
    async def run(self, code: str, tools: Any, state: bytes | None = None) -> CodeRun:
        raise AssertionError("nothing here is code")


@pytest.mark.parametrize("seconds", [0.06, 3600.0])
async def test_an_episode_has_one_deadline_for_all_its_steps(seconds: float) -> None:
    """I22: a model that is slow at every step, or silent, is unavailable after the bound; the cycle holds."""
    unused: Any = None
    trader = ModelTrader(Slow(seconds), NoSandbox(), fair_market.NETWORK, unused, unused, max_steps=10_000, timeout=0.3)
    async with asyncio.timeout(5):
        with pytest.raises(ModelUnavailable, match=r"within 0\.3 s"):
            await trader.propose(fair_market.STATE, VIEW, 4)
