"""Own trades are told as they ended, once they are known, and only those that were confirmed."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.agent.memory import JournalMemory
from sentinel.core.errors import CodeFault
from sentinel.core.market_state import MarketState
from sentinel.core.transaction import Outcome
from tests.agent.memory.market import Chronicle
from tests.journal.values import tamper


def test_recall_tells_how_own_trades_ended(past: Chronicle, remembered: JournalMemory) -> None:
    """Newest first, in whole tokens."""
    past.trade(100)
    past.trade(103)
    newest, older = remembered.at(past.state(110)).recall(16)
    assert (newest["age"], older["age"]) == (6, 9)
    assert older == {
        "age": 9,
        "token_in": "USDC",
        "token_out": "WETH",
        "amount": 500.0,
        "notional": 500.0,
        "pnl": -2.0,  # a quarter WETH at 2000 for 500, and 0.001 ETH of gas
        "votes": 5,
        "asked": 8,
        "drift_bps": 0.0,
    }
    assert remembered.at(past.state(110)).recall(1) == (newest,)


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.CONFIRMED])
def test_what_was_not_confirmed_is_not_recalled(past: Chronicle, remembered: JournalMemory, outcome: Outcome) -> None:
    """Neither another outcome nor a trade that is still in flight; the confirmed one beside them is."""
    past.trade(100)
    past.trade(101, outcome)
    past.accept(past.state(102))
    assert [trade["age"] for trade in remembered.at(past.state(110)).recall(16)] == [9]


def test_a_trade_is_known_after_the_block_and_the_cycle_it_settled_behind(
    past: Chronicle, remembered: JournalMemory
) -> None:
    """Mined in 101, but found after the cycle at 120: it is recalled from 121 on, not at 120 and not at 102."""
    one = past.accept(past.state(100))
    past.live(range(101, 121))
    past.settle(one, 101)
    past.live(range(121, 130))
    known = [number for number in range(95, 130) if remembered.at(past.state(number)).recall(16)]
    assert known == list(range(121, 130))


def test_trades_of_the_future_are_not_recalled(past: Chronicle, remembered: JournalMemory) -> None:
    """Asked at an earlier block, later trades are not there."""
    for number in range(100, 130, 2):
        past.trade(number)
    for number in range(100, 130):
        for trade in remembered.at(past.state(number)).recall(16):
            assert 0 < int(trade["age"]) <= number - 101
        assert len(remembered.at(past.state(number)).recall(16)) == max(0, (number - 100) // 2)


def test_a_changed_record_is_not_recalled(past: Chronicle, remembered: JournalMemory, tmp_path: Path) -> None:
    """A profit written into the journal's file by other hands does not fit its hash: nothing is told."""
    past.trade(100)
    assert len(remembered.at(past.state(110)).recall(16)) == 1
    assert tamper(past.path, '"pnl":"-', '"pnl":"9')
    assert remembered.at(past.state(111)).recall(16) == ()


def test_the_record_counts_not_the_index(past: Chronicle, remembered: JournalMemory) -> None:
    """An outcome that was changed in the index alone makes no trade of one that was reverted."""
    past.trade(100, Outcome.REVERTED)
    with sqlite3.connect(past.path) as other:
        assert other.execute("UPDATE settled SET outcome = 'confirmed'").rowcount == 1
    other.close()
    assert remembered.at(past.state(110)).recall(16) == ()


def test_a_changed_cycle_is_not_remembered(past: Chronicle, remembered: JournalMemory) -> None:
    """Closes written into the journal's file by other hands leave the memory empty: it cannot tell which are true."""
    past.live(range(100, 200))
    assert tamper(past.path, "2000", "3000")
    assert remembered.at(past.state(200)).similar("WETH", 16) == ()


def timed(past: Chronicle, number: int) -> MarketState:
    """The market at a block of a chain with a block every 12 s, which began at second 0."""
    state = past.state(number)
    return replace(state, head=replace(state.head, timestamp=12 * number))


def test_the_last_trade_is_when_the_newest_was_decided(past: Chronicle, remembered: JournalMemory) -> None:
    """In seconds of chain time, from the block after it on; none before the first."""
    past.settle(past.accept(timed(past, 100)), 101)
    past.settle(past.accept(timed(past, 110)), 111)
    decided = {number: remembered.at(timed(past, number)).last_trade() for number in (90, 100, 101, 110, 111, 200)}
    assert decided == {90: None, 100: None, 101: 1200, 110: 1200, 111: 1320, 200: 1320}


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_may_have_traded_is_the_last_trade(
    past: Chronicle, remembered: JournalMemory, outcome: Outcome
) -> None:
    """An unknown outcome counts: a program that waits between trades must not trade again on it."""
    past.settle(past.accept(timed(past, 100)), 101, outcome)
    counts = outcome in (Outcome.CONFIRMED, Outcome.UNKNOWN)
    assert remembered.at(timed(past, 110)).last_trade() == (1200 if counts else None)


def test_a_journal_that_cannot_be_read_is_not_taken_for_no_trade(past: Chronicle, remembered: JournalMemory) -> None:
    """A changed record, or no journal: the code is told, and each time it asks."""
    past.settle(past.accept(timed(past, 100)), 101)
    assert tamper(past.path, '"timestamp":1200', '"timestamp":1')
    at = remembered.at(timed(past, 110))
    for _ in range(2):
        with pytest.raises(CodeFault, match="not known when the last trade was"):
            at.last_trade()
