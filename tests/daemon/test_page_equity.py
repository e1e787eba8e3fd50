"""Equity on the page is that of `sentinel pnl`, whatever was read before."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from sentinel.core.network import Symbol
from sentinel.daemon.page.equity_history import EquityHistory
from sentinel.daemon.page.journal_thread import Opened
from sentinel.journal.browsing import Browsing
from sentinel.journal.journal import VERSION, Journal
from sentinel.journal.ledger import Ledger
from sentinel.journal.performance import steps
from tests.journal.values import GENESIS, HEAD, NETWORK, WALLET, Clock, cycle, end, intent, settled


def test_reading_on_gives_what_reading_anew_gives(tmp_path: Path) -> None:
    """Hold and cash too, with a deposit in between and a range that begins late."""
    path, clock = tmp_path / "journal.sqlite3", Clock()
    journal = Journal.open(path, NETWORK, GENESIS, WALLET, clock=clock)
    ledger = Ledger(path, "", VERSION, read_only=True)
    opened, history = Opened(Journal(ledger, NETWORK, WALLET, GENESIS), Browsing(ledger)), EquityHistory(NETWORK)

    def observe(block: int, price: float, **balances: int) -> None:
        clock.now += 4_000
        base = cycle().state
        assert base is not None
        held: dict[Symbol, int] = {"USDC": 10**10, "WETH": 10**18, "ETH": 10**18, **balances}
        reference = {"WETH": dataclasses.replace(base.reference["WETH"], answer=int(price * 10**8))}
        head = dataclasses.replace(HEAD, number=block)
        state = dataclasses.replace(base, head=head, balances=held, reference=reference)
        assert journal.equity.observe(state)

    assert history.between(opened, None, ()) == []
    observe(90, 2_000)
    observe(95, 2_100)
    assert len(history.between(opened, None, ())) == 2
    trade = intent()
    journal.accept(cycle(trade), trade)
    end(journal, dataclasses.replace(settled(trade), gas_cost=0))  # in block 101
    observe(102, 2_200, USDC=10**10 - 500 * 10**6, WETH=125 * 10**16)
    observe(103, 2_300, USDC=10**10 + 500 * 10**6, WETH=125 * 10**16)  # 1,000 USDC came
    standings = history.between(opened, None, ())
    expected = steps(journal.equity.points(), journal.equity.own(), NETWORK)
    assert [(one.equity, one.hold) for one in standings] == [(step.equity, step.hold) for step in expected]
    assert [one.cash - standings[0].equity for one in standings] == [0, 0, 0, 1_000 * 10**6]
    late = history.between(opened, standings[-1].point.at, ())
    assert late == standings[-1:]
    assert EquityHistory(NETWORK).between(opened, None, ()) == standings
    ledger.close()
    journal.close()
