"""One test for each guard that could be taken out without another test noticing."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.crash.counter import STATE
from sentinel.chain.rpc import Call
from sentinel.config.network_file import load_network
from sentinel.core.decision import Act, Hold, Verdict
from sentinel.core.errors import ChainMismatch, Refused, RpcError
from sentinel.core.market_state import MarketState
from sentinel.core.network import HexHash
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Attempt, Fees, Intent, Outcome, Settled
from sentinel.core.units import GWEI, TRANSFER_GAS
from sentinel.cycle import Cycle
from sentinel.execute.fee_bids import FeeCaps, replacement_bid
from sentinel.execute.send_errors import Answer, classify
from sentinel.execute.send_state import ChainView, First, next_step
from sentinel.journal.journal import Journal
from tests.attack.test_between_decision_and_send import HEADS, Stage
from tests.decide import fair_market, world
from tests.execute.rig import CAPS, Alone, Rig, decision, rules

pytestmark = pytest.mark.attack("a guard taken out", "refused")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig.start(tmp_path) as rig:
        yield rig


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(tmp_path / "journal", load_network("devnet"), "0x00", fair_market.WALLET)


# ---------------------------------------------------------------- the cycle


class Executor:
    """Sends nothing; looks at the journal when it is told to."""

    def __init__(self, journal: Journal, busy: Intent | None = None) -> None:
        self.journal = journal
        self.open_intent = busy
        self.accepted: list[list[str]] = []  # what the journal had accepted whenever something was executed

    async def prepare(self, decision: Act, state: MarketState) -> Intent:
        simulation = decision.simulation
        assert simulation.tx is not None
        return Intent("ab" * 16, decision, simulation.tx, True, simulation.env, fair_market.DEADLINE, fair_market.NOW)

    async def execute(self, intent: Intent) -> None:
        self.accepted.append([pending.intent.id for pending in self.journal.open_intents()])


class Asked(Stage):
    """Notes whether the model was asked; `refuse` makes the final check say no."""

    refuse = False
    asked = 0
    disputes: Sequence[str | None] = (None,)  # what is said one time after the other, the last for ever
    stops: Sequence[bool] = (False,)  # likewise

    def disputed(self) -> str | None:
        why, *left = self.disputes
        self.disputes = left or [why]
        return why

    def stopping(self) -> bool:
        told, *left = self.stops
        self.stops = left or [told]
        return told

    async def propose(self, *_: Any) -> Any:
        self.asked += 1
        return await super().propose(*_)

    def check(self, *given: Any) -> Any:
        return (Verdict("fine", True, ""), Verdict("the_one", not self.refuse, "no"), Verdict("fine too", True, ""))

    async def run_with(self, executor: Executor) -> CycleRecord:
        part: Any = self
        stages = (part, part, part, part, part, self.vote, executor, self.journal)
        guards: Any = {"disputed": self.disputed, "stopping": self.stopping}
        return await Cycle(*stages, 1, lambda: HEADS[0], **guards).run(HEADS[0])


async def test_an_intent_is_in_the_journal_before_it_is_executed(journal: Journal) -> None:
    """I1, seen from the cycle: execute finds the intent accepted."""
    executor = Executor(journal)
    record = await Asked(journal).run_with(executor)
    assert executor.accepted == [[record.intent_id]]


async def test_one_refusing_verdict_on_the_final_bytes_is_enough(journal: Journal) -> None:
    """I21: the second look at the winner's final bytes has the last word."""
    stage, executor = Asked(journal), Executor(journal)
    stage.refuse = True
    record = await stage.run_with(executor)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, "the_one" in record.decision.detail) == ("refused", True)
    assert executor.accepted == []
    assert journal.open_intents() == ()


async def test_nobody_is_asked_while_something_is_in_flight(journal: Journal) -> None:
    """One in flight: a head then is a Hold without the model."""
    busy = await Executor(journal).prepare(Act(world.buying().simulation(), 1, 1, 1, 0), fair_market.STATE)
    stage, executor = Asked(journal), Executor(journal, busy)
    record = await stage.run_with(executor)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, stage.asked, executor.accepted) == ("in_flight", 0, [])


async def test_nobody_is_asked_while_paused(journal: Journal) -> None:
    """The latch comes first."""
    journal.halt("operator")
    stage = Asked(journal)
    record = await stage.run_with(Executor(journal))
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, stage.asked) == ("paused", 0)


@pytest.mark.parametrize("since", ["before", "while the model answered"])
async def test_nothing_is_decided_on_a_disputed_head(journal: Journal, since: str) -> None:
    """I11: endpoints that disagree hold the cycle, also where they begin to while it is under way."""
    stage, executor = Asked(journal), Executor(journal)
    stage.disputes = ("two branches",) if since == "before" else (None, "two branches")
    record = await stage.run_with(executor)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.decision.detail) == ("disputed", "two branches")
    assert (stage.asked, executor.accepted) == (0 if since == "before" else 1, [])
    assert journal.open_intents() == ()


@pytest.mark.parametrize("since", ["before", "while the model answered"])
async def test_nothing_is_accepted_once_the_daemon_stops(journal: Journal, since: str) -> None:
    """I26: the running cycle finishes with a hold; nothing is journaled as accepted, signed or sent."""
    stage, executor = Asked(journal), Executor(journal)
    stage.stops = (True,) if since == "before" else (False, True)
    record = await stage.run_with(executor)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, stage.asked) == ("stopping", 0 if since == "before" else 1)
    assert executor.accepted == []
    assert journal.open_intents() == ()


# ---------------------------------------------------------------- the executor


async def test_an_unsigned_intent_is_never_executed(rig: Rig) -> None:
    """Bytes whose permit is unsigned belong to dry runs."""
    head = await rig.head()
    act = decision(1, int(rig.clock()) + 100, head)
    intent = dataclasses.replace(await rig.executor.prepare(act, STATE), signed=False)
    with pytest.raises(Refused):
        await rig.executor.execute(intent)
    assert rig.executor.open_intent is None


async def test_a_node_behind_the_journal_gets_no_signature(rig: Rig) -> None:
    """I4: a node that counts fewer of our transactions than the journal knows mined ones would have a nonce reused."""
    await rig.trade(1)
    await rig.follow()

    class Behind(Alone):
        async def call(self, *asked: Any, **how: Any) -> Any:
            return await rig.rpc.call(*asked, **how)

        async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
            answers = zip(calls, await rig.rpc.batch(calls, timeout), strict=True)
            return ["0x0" if method == "eth_getTransactionCount" else answer for (method, _), answer in answers]

    rig.executor.watch._rpc = Behind()
    intent = await rig.trade(2)
    assert rig.journal.attempts(intent.id) == ()
    assert rig.notes.alarms == ["nonce_gap"]
    rig.executor.watch._rpc = rig.rpc
    await rig.follow()
    assert await rig.effects(2) == 1


async def test_another_chain_id_behind_the_url(rig: Rig) -> None:
    """I10: nothing is signed for an endpoint that says another chain id, a permit neither."""
    act = decision(1, int(rig.clock()) + 100, await rig.head())
    intent = await rig.executor.prepare(act, STATE)
    rig.journal.accept(None, intent)
    await rig.net.rpc.call("anvil_setChainId", 1)
    with pytest.raises(ChainMismatch):
        await rig.executor.execute(intent)
    assert rig.journal.attempts(intent.id) == ()
    with pytest.raises(ChainMismatch):
        await rig.executor.prepare(act, STATE)


@pytest.mark.parametrize("twist", ["of another transaction", "of a block that is gone"])
async def test_a_receipt_that_does_not_hold_settles_nothing(rig: Rig, twist: str) -> None:
    """I7: a receipt counts for its own hash alone, and while the chain shows its block."""
    await rig.trade(1)
    head = await rig.mine()

    class Twisting(Alone):
        async def call(self, *asked: Any, **how: Any) -> Any:
            return await rig.rpc.call(*asked, **how)

        async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
            answers = await rig.rpc.batch(calls, timeout)
            for answer in answers:
                if isinstance(answer, dict) and twist == "of another transaction" and "status" in answer:
                    answer["transactionHash"] = "0x" + "12" * 32
                if isinstance(answer, dict) and twist == "of a block that is gone" and "parentHash" in answer:
                    answer["hash"] = rig.genesis if answer["number"] == "0x0" else "0x" + "12" * 32
            return answers

    rig.executor.watch._rpc = Twisting()
    for _ in range(2):
        assert await rig.executor.on_head(head) is None
    rig.executor.watch._rpc = rig.rpc
    assert (await rig.follow()).outcome is Outcome.CONFIRMED


def test_a_text_that_no_node_answered_means_nothing() -> None:
    """I6: 'already known' on a proxy's error page is not the node's word."""
    assert classify(RpcError("http://x: nonce too low, already known")) is Answer.UNKNOWN
    assert classify(RpcError("nonce too low", code=-32000)) is Answer.NONCE_USED


@pytest.mark.parametrize("gas", [TRANSFER_GAS, 100_000, 900_000])
def test_no_offer_can_cost_more_than_its_cap(gas: int) -> None:
    """I8: the cost cap alone stops a raise, with all other caps far away."""
    cost = 50 * GWEI * gas
    caps = FeeCaps(10**6 * GWEI, 10**6 * GWEI, cost)
    assert replacement_bid(Fees(50 * GWEI, GWEI), gas, caps) is None
    raised = replacement_bid(Fees(44 * GWEI, GWEI), gas, caps)
    assert raised is not None
    assert raised.max_fee * gas <= cost
    assert not caps.allow(Fees(50 * GWEI + 1, GWEI), gas)


async def test_the_first_offer_leaves_room_for_a_cancel(rig: Rig) -> None:
    """However dear the first offer is, a cancel can still outbid it within the absolute caps."""
    head = await rig.head()
    act = decision(1, head.timestamp + 100, head, fee=10 * CAPS.max_fee, tip=10 * CAPS.max_priority_fee)
    intent = await rig.executor.prepare(act, STATE)
    step = next_step(intent, (), {}, ChainView(0.0, 0.0, head.number, head.base_fee, {}, 0, 0), rules())
    assert isinstance(step, First)
    assert replacement_bid(step.fees, TRANSFER_GAS, CAPS) is not None


# ---------------------------------------------------------------- the journal


def test_what_became_of_an_unknown_trade_may_have_been_spent(journal: Journal) -> None:
    """I17: an intent that ended unknown counts into the day's volume."""
    simulation = world.buying().simulation()
    assert simulation.tx is not None
    act = Act(simulation, 1, 1, 1, 0)
    intent = Intent("cd" * 16, act, simulation.tx, True, simulation.env, fair_market.DEADLINE, fair_market.NOW)
    record = CycleRecord(fair_market.HEAD, fair_market.STATE, None, None, (), (), act, (), intent.id, {})
    journal.accept(record, intent)
    journal.attempt(Attempt(intent.id, 0, Fees(1, 1), HexHash("0x00"), b""))
    now = journal._ledger.clock()
    before = journal.spent_today(now)
    journal.settle(Settled(intent.id, Outcome.UNKNOWN, None, None, 0, 0, {}))
    assert before.volume == world.PAID
    assert journal.spent_today(now) == before


def test_a_commit_is_on_the_disk_when_it_returns(journal: Journal) -> None:
    """I1 across a power cut: SQLite syncs every commit (2 is FULL) of its write-ahead log."""
    assert journal._ledger.one("PRAGMA synchronous")[0] == 2
    assert journal._ledger.one("PRAGMA journal_mode")[0] == "wal"
