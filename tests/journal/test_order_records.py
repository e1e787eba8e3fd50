"""Orders and their fills in the journal: durable, scoped, undone by a reorg, and covered by `verify`."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from sentinel.core.errors import JournalError, JournalTampered
from sentinel.core.transaction import Intent, Outcome
from sentinel.journal.journal import Journal
from sentinel.journal.order_records import JournaledOrder, OrderStatus
from sentinel.journal.states import State
from sentinel.orders.playing.situation import Fill
from tests.journal.values import GENESIS, HEAD, NETWORK, WALLET, end, intent, settled

DECIDED = HEAD.timestamp + 1  # chain time of the block that an intent is simulated in
MINED = HEAD.timestamp + 30


def an_order(journal: Journal, hash: str = "a1", text: str = "buy the dip", at: int = 50) -> JournaledOrder:
    return journal.orders.order_set(text, "Buy 100 USDC …", hash, at, {"WETH": Decimal("2431.50")}, "socket")


def of(order: str, clause: int = 0) -> Intent:
    return replace(intent(), order_hash=order, clause=clause)


def traded(journal: Journal, order: str, clause: int = 0, at: int = MINED, **how: object) -> Intent:
    wanted = of(order, clause)
    journal.accept(None, wanted)
    end(journal, replace(settled(wanted), mined_at=at, **how))  # type: ignore[arg-type]
    return wanted


# -------------------------------------------------------------------- orders


def test_the_way_of_an_order(journal: Journal, path: Path) -> None:
    """Set, approved, completed; each step is there after a restart, with its texts and prices."""
    orders = journal.orders
    assert (orders.current(), orders.waiting(), orders.history(5)) == (None, None, ())
    set_ = an_order(journal)
    assert (set_.status, set_.text, set_.set_prices) == (OrderStatus.SET, "buy the dip", {"WETH": Decimal("2431.50")})
    assert (orders.current(), orders.waiting(), orders.was_approved("a1")) == (None, set_, False)
    approved = orders.approved("a1", by="operator", at=60)
    assert (approved.approved_by, approved.approved_at, approved.set_at) == ("operator", 60, 50)
    assert (orders.current(), orders.waiting()) == (approved, None)
    journal.close()
    again = Journal.open(path, NETWORK, GENESIS, WALLET)
    assert again.orders.current() == approved
    completed = again.orders.completed("a1")
    assert (completed.status, again.orders.current()) == (OrderStatus.COMPLETED, None)
    assert again.orders.was_approved("a1")
    assert again.verify() == 4
    again.close()


def test_a_new_order_takes_the_place_of_the_old_one_when_it_is_approved_and_not_before(journal: Journal) -> None:
    """And one that waits is replaced by the next that is set."""
    orders = journal.orders
    an_order(journal, "a1")
    orders.approved("a1", "operator", 60)
    an_order(journal, "b2")
    an_order(journal, "c3")
    current, waiting = orders.current(), orders.waiting()
    assert current is not None
    assert waiting is not None
    assert (current.hash, waiting.hash) == ("a1", "c3")
    with pytest.raises(JournalError, match="no order b2 is set"):
        orders.approved("b2", "operator", 61)
    orders.approved("c3", "operator", 62)
    assert [(order.hash, order.status) for order in orders.history(5)] == [
        ("c3", OrderStatus.APPROVED),
        ("b2", OrderStatus.REPLACED),
        ("a1", OrderStatus.REPLACED),
    ]
    cancelled = orders.cancelled("c3", "changed my mind")
    assert (cancelled.status, cancelled.reason) == (OrderStatus.CANCELLED, "changed my mind")
    assert orders.current() is None
    with pytest.raises(JournalError, match="no order c3 is set or approved"):
        orders.cancelled("c3", "")
    with pytest.raises(JournalError, match="no order a1 is approved"):
        orders.completed("a1")
    assert len(orders.history(2)) == 2
    journal.verify()


def test_setting_the_same_order_again_does_not_begin_it_anew(journal: Journal) -> None:
    """A service sets its order at each start; the time since it was set goes on. After its end it is a new one."""
    an_order(journal, at=50)
    assert an_order(journal, at=70).set_at == 50
    journal.orders.approved("a1", "operator", 71)
    assert an_order(journal, at=80).approved_at == 71
    journal.orders.cancelled("a1", "enough")
    assert an_order(journal, at=90).set_at == 90
    assert len(journal.orders.history(9)) == 2


# -------------------------------------------------------------------- fills


def test_fills_are_scoped_to_order_and_clause(journal: Journal) -> None:
    """With the chain time of their block; a trade of no order, or of another one, is none of its fills."""
    an_order(journal)
    traded(journal, "a1", 1, MINED)
    traded(journal, "b2", 0, MINED + 1)
    traded(journal, "a1", 0, MINED + 5)
    plain = intent()
    journal.accept(None, plain)
    end(journal, settled(plain))
    assert journal.order_fills.fills("a1") == (Fill(MINED, 1), Fill(MINED + 5, 0))
    assert journal.order_fills.fills("b2") == (Fill(MINED + 1, 0),)
    assert journal.order_fills.fills("c3") == ()
    journal.verify()


def test_an_order_that_is_set_again_after_its_end_has_no_fills(journal: Journal) -> None:
    """Otherwise `once` would be done before it began."""
    an_order(journal)
    journal.orders.approved("a1", "operator", 60)
    traded(journal, "a1")
    journal.orders.completed("a1")
    assert journal.order_fills.fills("a1") == (Fill(MINED, 0),)
    an_order(journal, at=99)
    assert journal.order_fills.fills("a1") == ()
    assert journal.order_fills.bought_today("a1", MINED) == 0


@pytest.mark.parametrize("outcome", [Outcome.REVERTED, Outcome.CANCELLED, Outcome.EXPIRED, Outcome.UNKNOWN])
def test_what_may_have_traded_is_a_fill_and_what_did_not_is_none(journal: Journal, outcome: Outcome) -> None:
    """An open intent and one of unknown outcome count, at the time and with the input that were decided."""
    wanted = of("a1", 2)
    journal.accept(None, wanted)
    assert journal.order_fills.fills("a1") == (Fill(DECIDED, 2),)
    assert journal.order_fills.bought_today("a1", MINED) == 500
    end(journal, settled(wanted, outcome))
    unknown = outcome is Outcome.UNKNOWN
    assert journal.order_fills.fills("a1") == ((Fill(DECIDED, 2),) if unknown else ())
    assert journal.order_fills.bought_today("a1", MINED) == (500 if unknown else 0)
    journal.verify()


def test_a_dry_run_fills_nothing(journal: Journal) -> None:
    journal.accept(None, replace(intent(signed=False), order_hash="a1", clause=0))
    assert journal.order_fills.fills("a1") == ()
    journal.verify()


def test_an_intent_names_both_or_neither(journal: Journal) -> None:
    """And nothing is written otherwise."""
    for wrong in (replace(intent(), order_hash="a1"), replace(intent(), clause=0)):
        with pytest.raises(JournalError, match="not both"):
            journal.accept(None, wrong)
    assert journal.open_intents() == ()
    journal.verify()


def test_a_fill_whose_block_is_replaced_disappears_with_its_intents_reopening(journal: Journal) -> None:
    """It is open again; mined again it is one at the new time, and cancelled it is none."""
    wanted = traded(journal, "a1", 3, MINED, realised={"USDC": -480 * 10**6, "WETH": 1})
    assert journal.order_fills.fills("a1") == (Fill(MINED, 3),)
    assert journal.order_fills.bought_today("a1", MINED) == 480
    journal.reopen([wanted.id], "its block was replaced")
    assert journal.order_fills.fills("a1") == (Fill(DECIDED, 3),)
    journal.verify()
    end(journal, replace(settled(wanted), mined_at=MINED + 12))
    assert journal.order_fills.fills("a1") == (Fill(MINED + 12, 3),)
    journal.reopen([wanted.id], "again")
    journal.transition(wanted.id, State.SEEN)
    journal.settle(settled(wanted, Outcome.CANCELLED))
    assert journal.order_fills.fills("a1") == ()
    journal.verify()


def test_the_day_of_chain_time_bounds_what_was_bought(journal: Journal) -> None:
    """00:00 UTC of the block's time, whatever the clock says; only what was paid in the quote token."""
    day = 86_400 * 20_000
    for at in (day - 1, day, day + 100):
        traded(journal, "a1", at=at, realised={"USDC": -(100 * 10**6 + at % 7), "WETH": 10**17})
    assert journal.order_fills.bought_today("a1", day + 200) == Decimal(200) + Decimal(
        day % 7 + (day + 100) % 7
    ).scaleb(-6)
    assert journal.order_fills.bought_today("a1", day + 86_400) == 0
    assert journal.order_fills.bought_today("b2", day + 200) == 0


def test_a_settlement_of_an_older_sentinel_has_the_time_of_its_record(journal: Journal) -> None:
    wanted = of("a1")
    journal.accept(None, wanted)
    end(journal, settled(wanted))
    assert journal.order_fills.fills("a1") == (Fill(1_700_049_600, 0),)


def test_a_clause_is_rearmed_after_its_last_fill_alone(journal: Journal) -> None:
    """A new fill disarms it; a fill that a reorg takes away does not."""
    fills = journal.order_fills
    traded(journal, "a1", 0, MINED)
    fills.rearm("a1", 0, MINED)  # in the same second, which may be before the trade
    assert fills.rearmed("a1") == frozenset()
    fills.rearm("a1", 0, MINED + 12)
    fills.rearm("a1", 0, MINED + 24)
    fills.rearm("a1", 1, MINED)
    assert fills.rearmed("a1") == {0, 1}
    assert fills.rearmed("b2") == frozenset()
    second = traded(journal, "a1", 0, MINED + 36)
    assert fills.rearmed("a1") == {1}
    journal.reopen([second.id], "its block was replaced")
    journal.transition(second.id, State.SEEN)
    journal.settle(settled(second, Outcome.CANCELLED))
    assert fills.rearmed("a1") == {0, 1}
    records = journal.verify()
    fills.rearm("a1", 0, MINED + 99)
    assert journal.verify() == records  # nothing to say


def test_entries_of_the_index_that_are_changed_by_hand_are_found(journal: Journal, path: Path) -> None:
    """Each table, one change."""
    an_order(journal)
    journal.orders.approved("a1", "operator", 60)
    traded(journal, "a1", 0)
    journal.order_fills.rearm("a1", 0, MINED + 9)
    journal.positions.give_entry("WETH", Decimal(2000), Decimal(3), 70)
    journal.verify()
    for change, back in (
        ("UPDATE orders SET status = 'cancelled'", "UPDATE orders SET status = 'approved'"),
        ("UPDATE order_fills SET filled_at = 1", f"UPDATE order_fills SET filled_at = {MINED}"),
        ("UPDATE order_fills SET spent = '0'", "UPDATE order_fills SET spent = '500000000'"),
        ("UPDATE rearmed SET at = 1", f"UPDATE rearmed SET at = {MINED + 9}"),
        ("UPDATE entries SET token = 'USDC'", "UPDATE entries SET token = 'WETH'"),
    ):
        for statement, whole in ((change, False), (back, True)):
            with sqlite3.connect(path) as db:
                db.execute(statement)
            db.close()
            if whole:
                journal.verify()
            else:
                with pytest.raises(JournalTampered):
                    journal.verify()


# -------------------------------------------------------------------- kill -9

_WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from sentinel.journal.journal import Journal
from tests.journal.test_order_records import MINED, an_order, of
from tests.journal.values import GENESIS, NETWORK, WALLET, attempt, end, settled
journal = Journal.open(Path(sys.argv[1]), NETWORK, GENESIS, WALLET)
for number in range(1, 10**6):
    name = f"{number}"
    an_order(journal, name, at=number); print("set", name, flush=True)
    journal.orders.approved(name, "operator", number); print("approved", name, flush=True)
    wanted = of(name, number % 3)
    journal.accept(None, wanted); print("open", name, flush=True)
    end(journal, replace(settled(wanted), mined_at=MINED + number)); print("filled", name, flush=True)
    journal.order_fills.rearm(name, number % 3, MINED + number + 1); print("rearmed", name, flush=True)
"""


@pytest.mark.parametrize("after", [23, 38])
def test_a_kill_loses_nothing_that_was_reported(path: Path, after: int) -> None:
    """SIGKILL between two steps of many orders: every step that was reported is there, and the journal is whole."""
    reported: list[tuple[str, str]] = []
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            step, name = line.split()
            reported.append((step, name))
            if len(reported) >= after:
                writer.send_signal(signal.SIGKILL)
    journal = Journal.open(path, NETWORK, GENESIS, WALLET)
    journal.verify()
    for step, name in reported:
        fills, number = journal.order_fills.fills(name), int(name)
        match step:
            case "set":
                assert any(order.hash == name for order in journal.orders.history(10**6))
            case "approved":
                assert journal.orders.was_approved(name)
            case "open":
                assert len(fills) == 1
            case "filled":
                assert fills == (Fill(MINED + number, number % 3),)
            case "rearmed":
                assert journal.order_fills.rearmed(name) == {number % 3}
    journal.close()
