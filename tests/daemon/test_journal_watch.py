"""The background check of the journal: a fault halts trading and stands as an alarm; old holds lose their content."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from sentinel.core.errors import RecordDropped
from sentinel.daemon.guards.journal_watch import JournalWatch
from sentinel.journal.journal import Journal
from sentinel.observe import logs
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.metrics import Metrics
from tests.journal.values import GENESIS, NETWORK, NOON, WALLET, Clock, cycle, end, intent, settled

DAY = 86_400.0


def world(tmp_path: Path, keep: float | None = None) -> tuple[Journal, Clock, JournalWatch, list[tuple[str, str]]]:
    path, clock, raised = tmp_path / "journal.sqlite3", Clock(), list[tuple[str, str]]()
    journal = Journal.open(path, NETWORK, GENESIS, WALLET, clock=clock)
    log = logs.configure()
    watch = JournalWatch(
        *(journal, path, NETWORK, 3600.0, keep, lambda what, why: raised.append((what, why)), log),
        InternalErrors(Metrics(NETWORK), log),
        clock,
    )
    return journal, clock, watch, raised


async def test_a_change_in_the_middle_halts_trading(tmp_path: Path) -> None:
    """Record 58 of a running daemon's journal: the halt and the alarm name it, and a resume does not last."""
    journal, _, watch, raised = world(tmp_path)
    while journal.equity.tip() < 100:
        journal.record(cycle())
    await watch.look()
    watch.tell()
    assert (watch.checked, raised, journal.halt_reason) == (100, [], None)
    with sqlite3.connect(watch.path) as db:
        db.execute("UPDATE records SET at = at + 1 WHERE seq = 58")
    db.close()
    await watch.look()
    watch.tell()
    assert journal.halt_reason is not None
    assert "record 58 (cycle, " in journal.halt_reason
    assert [(what, "record 58" in why) for what, why in raised] == [("journal", True)]
    journal.resume(by="operator")
    watch.tell()
    assert journal.halt_reason is not None
    assert len(raised) == 2
    journal.close()


async def test_the_loop_goes_on_during_a_check(tmp_path: Path) -> None:
    """The check sleeps and unpacks in a thread of its own: the loop turns many times meanwhile."""
    journal, _, watch, _ = world(tmp_path)
    while journal.equity.tip() < 200:
        journal.record(cycle())
    checking, turns = asyncio.create_task(watch.look()), 0
    while not checking.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert watch.checked == 200
    assert turns > 10
    journal.close()


async def test_old_holds_lose_their_content_alone(tmp_path: Path) -> None:
    """Lines, trades and the chain stay; a second look drops nothing more, and the newest holds are whole."""
    journal, clock, watch, raised = world(tmp_path, keep=2 * DAY)
    one = intent()
    old = [cycle()] * 30
    for record in old[:10]:
        journal.record(record)
    journal.accept(cycle(one), one)
    end(journal, settled(one))
    for record in old[10:]:
        journal.record(record)
    clock.now = NOON + 3 * DAY
    journal.record(cycle())
    lines = journal.cycles(100)
    await watch.look()
    assert journal.dropped() == 30
    journal.verify()
    assert journal.cycles(100) == lines
    assert journal.get_cycle(one.id) == cycle(one)
    assert journal.get_cycle(lines[0].id) == cycle()
    with pytest.raises(RecordDropped, match="retention dropped"):
        journal.get_cycle(lines[-1].id)
    assert journal.trades(5)[0].settled == settled(one)
    await watch.look()
    assert (journal.dropped(), raised, journal.fault) == (30, [], None)
    journal.close()
    Journal.open(watch.path, NETWORK, GENESIS, WALLET, read_only=True).close()  # checks the whole chain


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET at = at + 1 WHERE seq = 5",  # the header of a dropped record
        "UPDATE records SET body = '', packed = NULL WHERE seq = (SELECT max(seq) FROM cycles)",  # dropped by hand
        "UPDATE records SET hash = 'ff' WHERE seq = 5",
    ],
)
async def test_what_was_dropped_is_vouched_for(tmp_path: Path, change: str) -> None:
    journal, clock, watch, _ = world(tmp_path, keep=2 * DAY)
    for _ in range(10):
        journal.record(cycle())
    clock.now = NOON + 3 * DAY
    for _ in range(3):
        journal.record(cycle())
    await watch.look()
    assert (journal.dropped(), journal.fault) == (10, None)
    with sqlite3.connect(watch.path) as db:
        db.execute(change)
    db.close()
    await watch.look()
    assert journal.fault is not None
    journal.close()
