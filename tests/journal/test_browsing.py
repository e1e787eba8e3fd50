"""What the pages look up in a journal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.core.decision import Hold, HoldReason
from sentinel.core.record import CycleRecord
from sentinel.core.valuation import reference_prices
from sentinel.journal.browsing import Browsing, DecisionFilter
from sentinel.journal.journal import VERSION, Journal
from sentinel.journal.ledger import Ledger
from tests.journal.values import GENESIS, HEAD, NETWORK, WALLET, Clock, cycle, end, intent, settled


@dataclasses.dataclass
class Both:
    """One file, as the daemon writes it and as the page reads it."""

    journal: Journal
    clock: Clock
    browsing: Browsing

    def decide(self, block: int, record: CycleRecord | None = None) -> None:
        """Record a cycle one minute after the last."""
        self.clock.now += 60
        given = record or cycle()
        head = dataclasses.replace(HEAD, number=block)
        state = None if given.state is None else dataclasses.replace(given.state, head=head)
        self.journal.record(dataclasses.replace(given, head=head, state=state))


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    path, clock = tmp_path / "journal.sqlite3", Clock()
    journal = Journal.open(path, NETWORK, GENESIS, WALLET, clock=clock)
    reading = Ledger(path, "", VERSION, read_only=True)
    yield Both(journal, clock, Browsing(reading))
    reading.close()
    journal.close()


def test_decisions_by_kind_reason_shortfall_and_page(both: Both) -> None:
    for block in range(3):
        both.decide(block)
    both.decide(3, dataclasses.replace(cycle(decision=Hold(HoldReason.PAUSED)), state=None))
    traded = intent()
    both.journal.accept(cycle(traded), traded)
    end(both.journal, settled(traded, out=24 * 10**16))  # 400 bps below the simulated 0.25
    found = both.browsing.decisions

    def blocks(**wanted: object) -> list[int]:
        return [row.block for row in found(DecisionFilter(**wanted), 10)]  # type: ignore[arg-type]

    assert blocks() == [100, 3, 2, 1, 0]
    assert blocks(act=True) == [100]
    assert blocks(act=False) == [3, 2, 1, 0]
    assert blocks(reason="paused") == [3]
    assert (blocks(min_shortfall_bps=399.0), blocks(min_shortfall_bps=401.0)) == ([100], [])
    rows = found(DecisionFilter(), 2)
    assert blocks(before=rows[-1].seq) == [2, 1, 0]
    assert (rows[0].state, round(rows[0].shortfall_bps or 0, 6)) == ("confirmed", 400.0)
    assert both.browsing.reasons() == ("no_majority", "paused")
    assert both.browsing.neighbours(rows[1].seq) == (found(DecisionFilter(), 3)[2].seq, rows[0].seq)


def test_an_intent_with_what_became_of_it(both: Both) -> None:
    traded = intent()
    both.journal.accept(cycle(traded), traded)
    (entry,) = both.browsing.open_intents()
    assert (entry.intent, entry.state, entry.attempts, entry.settled) == (traded, "accepted", (), None)
    assert entry.cycle == both.browsing.decisions(DecisionFilter(), 1)[0].seq
    outcome = settled(traded)
    pnl = end(both.journal, outcome)
    assert both.browsing.open_intents() == ()
    (entry,) = both.browsing.swaps_since(both.clock.now - 1, 5)
    assert (entry.settled, entry.pnl, len(entry.attempts)) == (outcome, pnl, 1)
    assert both.browsing.swaps_since(both.clock.now + 1, 5) == ()
    assert both.browsing.largest_volume(both.clock.now) == 500 * 10**6
    assert both.browsing.intent("none") is None


def test_points_between_those_of_the_equity_series(both: Both) -> None:
    """What a cycle read, valued as the series values it; cycles that read nothing give no point."""
    for block in range(40):
        both.decide(block)
    both.decide(40, dataclasses.replace(cycle(decision=Hold(HoldReason.IN_FLIGHT)), state=None))
    first, last = both.browsing.span() or (0.0, 0.0)
    every = both.browsing.points(first, last, 1_000)
    assert [point.block for point in every] == [*range(40)]
    some = both.browsing.points(first, last, 10)
    assert len(some) <= 12
    assert {point.block for point in some} < {*range(40)}
    newest = both.browsing.newest_point()
    state = cycle().state
    assert newest is not None
    assert state is not None
    assert (newest.block, newest.balances) == (39, state.balances)
    assert newest.prices == reference_prices(state)


def test_equity_points_are_read_once(both: Both) -> None:
    state = cycle().state
    assert state is not None
    both.journal.equity.observe(state)
    ((seq, point),) = both.browsing.equity_points(0)
    assert (point,) == both.journal.equity.points()
    assert both.browsing.equity_points(seq) == ()
