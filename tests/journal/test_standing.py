"""The operator's orders, the equity series and the schema: durable, in the chain of records, brought forward."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from sentinel.core.actions import Approve, HoldAction, Leg, Route, Swap
from sentinel.core.errors import JournalError, JournalTampered
from sentinel.core.network import NATIVE
from sentinel.core.transaction import Outcome
from sentinel.decide.operator_controls import OperatorControls, Purpose, purpose_of
from sentinel.journal.journal import VERSION, Journal
from tests.journal.values import GENESIS, HEAD, NETWORK, WALLET, Clock, cycle, end, intent, settled, state

OLD = Path(__file__).with_name("version1.sql")
SWAP = Swap((Route((Leg("a", "WETH", "USDC", "uniswap_v2"),), 1),), 1, 1)


def reopened(journal: Journal, path: Path) -> Journal:
    journal.close()
    return Journal.open(path, NETWORK, GENESIS, WALLET, clock=Clock())


def test_what_each_order_lets_through() -> None:
    """The whole table: relief always; a sale under the operator's pause but never past a halt; trades last."""
    open_: dict[Purpose, set[tuple[bool, bool, bool]]] = {purpose: set() for purpose in Purpose}
    for paused, halted, flatten in product((False, True), repeat=3):
        orders = OperatorControls("why" if paused else None, halted, flatten)
        for purpose in Purpose:
            if orders.bar(purpose) is None:
                open_[purpose].add((paused, halted, flatten))
    nothing = {(False, halted, False) for halted in (False, True)}  # a halt is never without a latch
    assert open_[Purpose.TRADE] == open_[Purpose.EXIT] == nothing
    assert open_[Purpose.SALE] == nothing | {(True, False, True), (False, False, True), (False, True, True)}
    assert len(open_[Purpose.RELIEF]) == 8


def test_a_purpose_is_what_an_action_does() -> None:
    """A closed cycle in the quote token and a hold are no sales; an allowance is relief at zero alone."""
    leg = Leg("a", "USDC", "WETH", "uniswap_v2")
    circle = Swap((Route((leg, Leg("b", "WETH", "USDC", "uniswap_v3")), 1),), 1, 1)
    buy = Swap((Route((leg,), 1),), 1, 1)
    found = [purpose_of(action, "USDC") for action in (SWAP, circle, buy, HoldAction(""))]
    assert found == [Purpose.SALE, Purpose.TRADE, Purpose.TRADE, Purpose.TRADE]
    assert purpose_of(Approve("WETH", "permit2", 0, 1), "USDC") is Purpose.RELIEF
    assert purpose_of(Approve("WETH", "permit2", 1, 1), "USDC") is Purpose.TRADE


def test_a_sale_outlives_restarts_and_leaves_a_pause(journal: Journal, path: Path) -> None:
    """Ordered under a pause it goes on; done, trading is paused, and what was left stands in the journal."""
    journal.halt("lunch", by="operator")
    journal.standing.flatten(by="operator")
    journal.standing.flatten(by="operator")  # asked again: no second order
    journal = reopened(journal, path)
    assert (journal.bar(Purpose.SALE), bool(journal.bar(Purpose.TRADE))) == (None, True)
    assert journal.standing.ended is None
    journal.resume(by="operator")
    assert journal.standing.controls == OperatorControls(None, False, False)
    journal.standing.flatten(by="operator")
    journal.standing.flattened({"WETH": (7, "a crumb")}, clean=True)
    journal = reopened(journal, path)
    assert journal.standing.controls.flatten is False
    assert "sold back" in str(journal.bar(Purpose.SALE))
    assert journal.standing.ended == {"left": {"WETH": ["7", "a crumb"]}, "clean": True}
    assert journal.verify() == 8  # opened, pause, sale, sale off, latch off, sale, sale done, pause
    journal.close()


def test_an_operators_pause_calls_a_sale_off(journal: Journal) -> None:
    """The kill switch stops everything; the shortfall breaker's halt does not end what the operator ordered."""
    journal.standing.flatten(by="operator")
    journal.halt("slips", by="shortfall breaker")
    assert journal.bar(Purpose.SALE) is None
    journal.halt("enough", by="operator")
    assert "slips" in str(journal.bar(Purpose.SALE))
    assert journal.standing.ended is None
    journal.verify()


def test_a_halt_bars_a_sale_whoever_paused_first(journal: Journal, path: Path) -> None:
    """The operator's earlier reason is kept, yet the halt is known, until the operator resumes."""
    journal.halt("lunch", by="operator")
    journal.standing.flatten(by="operator")
    journal.halt("nonce 5 was used by a transaction that Sentinel did not sign")
    journal = reopened(journal, path)
    assert journal.halt_reason == "lunch"
    assert journal.bar(Purpose.SALE) is not None
    assert journal.bar(Purpose.RELIEF) is None
    journal.resume(by="operator")
    assert all(journal.bar(purpose) is None for purpose in Purpose)
    journal.verify()
    journal.close()


@pytest.mark.parametrize("change", ["halted", "flatten"])
def test_orders_that_the_records_do_not_know_are_found(journal: Journal, path: Path, change: str) -> None:
    """A sale or a release that nobody ordered is tampering."""
    journal.halt("halt")
    db = sqlite3.connect(path)
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (change, "" if change == "halted" else "on"))
    db.commit()
    db.close()
    with pytest.raises(JournalTampered):
        journal.verify()


# ---------------------------------------------------------------- the equity series


def test_a_point_after_each_settlement_else_one_an_hour(journal: Journal, path: Path, clock: Clock) -> None:
    """Four quiet hours add four points; balances and prices come back as they were."""
    block = iter(range(100, 10**6))

    def seen() -> bool:
        clock.now += 12
        return journal.equity.observe(replace(state(), head=replace(HEAD, number=next(block))))

    assert seen()
    assert not seen()
    one = intent()
    journal.accept(cycle(one), one)
    end(journal, settled(one))
    assert seen()
    assert not seen()
    assert sum(seen() for _ in range(1_200)) == 4
    first, *_ = journal.equity.points()
    assert first.balances == state().balances
    assert (first.prices["WETH"], first.block) == (state().reference["WETH"], 100)
    assert not journal.equity.observe(state())  # an older block than the last point's
    journal.verify()


def test_our_own_transactions_are_told_with_their_gas(journal: Journal) -> None:
    """A confirmed swap is a trade; a revert costs its gas; what was never mined is not there."""
    for outcome in (Outcome.CONFIRMED, Outcome.REVERTED):
        one = intent()
        journal.accept(cycle(one), one)
        end(journal, settled(one, outcome))
    unmined = intent()
    journal.accept(cycle(unmined), unmined)
    journal.settle(replace(settled(unmined, Outcome.EXPIRED), tx_hash=None, block_number=None, gas_cost=0))
    trade, revert = journal.equity.own()
    assert (trade.trade, trade.block, trade.gas_cost, trade.gas_quote) == (True, 101, 10**15, 2 * 10**6)
    assert trade.changes == {"USDC": -500 * 10**6, "WETH": 25 * 10**16, NATIVE: -(10**15)}
    assert (trade.pnl, revert.pnl) == (-2 * 10**6, -2 * 10**6)
    assert (revert.trade, revert.changes) == (False, {NATIVE: -(10**15)})


# ---------------------------------------------------------------- older files


def old(path: Path, script: str = "") -> None:
    db = sqlite3.connect(path)
    db.executescript(OLD.read_text(encoding="utf-8") + script)
    db.close()


def test_a_journal_of_schema_1_is_brought_forward(path: Path) -> None:
    """Its records stay as they are; its unfinished intent, its latch and who set that are known; it goes on."""
    old(path)
    with pytest.raises(JournalError, match="the next start of `sentinel run` brings it up to date"):
        Journal.open(path, NETWORK, None, None, read_only=True)
    journal = Journal.open(path, NETWORK, GENESIS, WALLET)
    assert journal.verify() == 15  # one is the dictionary of its cycles
    assert journal.standing.controls == OperatorControls("over night", sentinel_halted=True, flatten=False)
    ((pending,),) = (journal.open_intents(),)
    assert [tried.nonce for tried in pending.attempts] == [5]
    (_, done) = journal.trades(5)
    assert (done.state, done.gas_quote, done.pnl_quote) == ("confirmed", None, -22 * 10**6)
    # Its record says `drift_bps`: -400, which is realised minus simulated: it realised less.
    assert (done.shortfall_bps, journal.summary().shortfall_bps) == (400.0, 400.0)
    assert journal.equity.observe(state())
    journal.close()
    again = Journal.open(path, NETWORK, None, None, read_only=True)
    assert len(again.equity.points()) == 1
    again.close()


def test_a_schema_that_nobody_knows_is_refused(path: Path) -> None:
    """Newer than this program, or of no version at all: nothing is touched."""
    old(path, f"PRAGMA user_version={VERSION + 1};")
    before = path.read_bytes()
    with pytest.raises(JournalError, match="newer Sentinel"):
        Journal.open(path, NETWORK, GENESIS, WALLET)
    assert path.read_bytes() == before


def test_a_step_forward_is_whole_or_not_at_all(path: Path) -> None:
    """A file whose chain is broken is not brought forward: it stays at schema 1, and says what is wrong."""
    old(path, "UPDATE records SET at = at + 1 WHERE seq = 3;")
    with pytest.raises(JournalTampered):
        Journal.open(path, NETWORK, GENESIS, WALLET)
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'equity'").fetchone() == (0,)
    db.close()
