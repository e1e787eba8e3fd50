"""An order that is complete is reported once, in the log and as a message, and again if nobody could have got it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.record import CycleRecord, PlayedOrder
from sentinel.daemon.notifications import SentNotifications
from sentinel.daemon.operator.order_report import last_order
from sentinel.daemon.order_completion import OrderCompletion
from sentinel.journal.journal import Journal
from tests.journal.values import GENESIS, NETWORK, WALLET, cycle, end, intent, settled

READING = "Buy 100 USDC worth of WETH, once. Keep 500 USDC."


@dataclass
class Written:
    """A log and a messenger that keep what they are given. Messages get through unless the run ends first."""

    killed: bool = False
    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: list[tuple[str, str, str]] = field(default_factory=list)

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    def tell(self, kind: str, title: str, text: str, sent: Callable[[], None]) -> None:
        self.messages.append((kind, title, text))
        if not self.killed:
            sent()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal.open(path, NETWORK, GENESIS, WALLET)
    yield journal
    journal.close()


def played() -> CycleRecord:
    return replace(cycle(), played=PlayedOrder("a1", "the order is complete"))


def reporting(journal: Journal, written: Written) -> OrderCompletion:
    double: Any = written
    return OrderCompletion(journal, double, SentNotifications(double, lambda _: None).order_completed)


def approve(journal: Journal, at: int = 50) -> None:
    journal.orders.order_set(READING, READING, "a1", at, {"WETH": Decimal(2000)}, "operator")
    journal.orders.approved("a1", "operator", at)


def trade(journal: Journal) -> None:
    wanted = replace(intent(), order_hash="a1", clause=0)
    journal.accept(None, wanted)
    end(journal, settled(wanted))


def test_a_complete_order_is_reported_once_also_over_a_restart(journal: Journal, path: Path) -> None:
    """With its reading and its trades; one that is approved again and completes again is another."""
    written = Written()
    report = reporting(journal, written)
    approve(journal)
    trade(journal)
    report.cycle_done(played())
    assert written == Written()
    journal.orders.completed("a1")
    for _ in range(3):
        report.cycle_done(played())
    text = "the order is complete: Buy 100 USDC worth of WETH, once. Keep 500 USDC, 1 trade"
    assert written.messages == [("fills", "order complete", text)]
    assert written.lines == [("order.complete", {"hash": "a1", "reading": READING, "trades": 1})]
    journal.close()

    again, restarted = Journal.open(path, NETWORK, GENESIS, WALLET), Written()
    report = reporting(again, restarted)
    report.cycle_done(played())
    assert restarted == Written()
    approve(again, at=60)
    report.cycle_done(played())
    again.orders.completed("a1")
    report.cycle_done(played())
    assert [message[2][-8:] for message in restarted.messages] == ["0 trades"]
    again.close()


def test_a_message_that_was_lost_with_its_run_is_sent_by_the_next(journal: Journal, path: Path) -> None:
    """Killed after the completion and before the message: said once after the restart, whatever is played then."""
    approve(journal)
    trade(journal)
    journal.orders.completed("a1")
    for killed in (True, True, False):
        written = Written(killed)
        report = reporting(journal, written)
        for _ in range(3):
            report.cycle_done(cycle())
        assert [message[2][-7:] for message in written.messages] == ["1 trade"]
        journal.close()
        journal = Journal.open(path, NETWORK, GENESIS, WALLET)
        journal.verify()
    written = Written()
    reporting(journal, written).cycle_done(played())
    assert written == Written()
    journal.close()


def test_a_dry_run_does_not_report_the_order_of_a_live_one(journal: Journal) -> None:
    """It leaves the message to the next live run."""
    approve(journal)
    journal.orders.completed("a1")
    records, written = journal.verify(), Written()
    double: Any = written
    OrderCompletion(journal, double, SentNotifications(double, lambda _: None).order_completed, live=False).cycle_done(
        played()
    )
    assert (journal.verify(), written) == (records, Written())


def test_a_cancelled_or_replaced_order_is_not_complete(journal: Journal) -> None:
    written = Written()
    report = reporting(journal, written)
    approve(journal)
    journal.orders.order_set("x", "Sell all of WETH, once.", "b2", 51, {}, "operator")
    journal.orders.approved("b2", "operator", 51)
    report.cycle_done(played())
    journal.orders.cancelled("b2", "enough")
    report.cycle_done(played())
    assert written == Written()
    assert last_order(journal) is None


def test_the_last_order_is_shown_after_its_completion(journal: Journal) -> None:
    """While it is in force, and once it is complete; not if another came after it."""
    assert last_order(journal) is None
    approve(journal)
    shown = last_order(journal)
    assert shown is not None
    assert (shown["status"], shown["reading"], shown["trades"]) == ("approved", READING, 0)
    trade(journal)
    journal.orders.completed("a1")
    shown = last_order(journal)
    assert shown is not None
    assert (shown["status"], shown["reading"], shown["trades"]) == ("completed", READING, 1)
    approve(journal, at=60)
    journal.orders.cancelled("a1", "enough")
    assert last_order(journal) is None
