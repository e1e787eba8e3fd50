"""The journal keeps what it was given, and enforces its rules in the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.core.errors import JournalError
from sentinel.core.spent import Spent
from sentinel.core.transaction import Outcome
from sentinel.core.units import DAY
from sentinel.journal.journal import Journal
from sentinel.journal.states import State
from tests.journal.values import GENESIS, NETWORK, NOON, WALLET, Clock, attempt, cycle, end, intent, settled


def reopened(journal: Journal, path: Path, clock: Clock) -> Journal:
    journal.close()
    return Journal.open(path, NETWORK, GENESIS, WALLET, clock=clock)


def test_the_life_of_an_intent(journal: Journal, path: Path, clock: Clock) -> None:
    """Accepted, attempted and settled facts survive a reopening, and the records agree with the index at each step."""
    one = intent()
    journal.accept(cycle(one), one)
    assert [(p.intent, p.attempts) for p in journal.open_intents()] == [(one, ())]
    tries = (attempt(one, 4, 1), attempt(one, 4, 2))
    for a in tries:
        journal.attempt(a)
    journal.transition(one.id, State.SENT, tx_hash=tries[0].tx_hash)
    journal = reopened(journal, path, clock)
    assert [(p.intent, p.attempts) for p in journal.open_intents()] == [(one, tries)]
    assert journal.next_nonce() == 5
    assert journal.get_cycle(one.id) == cycle(one)
    end(journal, settled(one))
    assert journal.open_intents() == ()
    (trade,) = journal.trades(10)
    assert (trade.state, trade.settled, trade.shortfall_bps) == ("confirmed", settled(one), 0.0)
    assert journal.summary().confirmed == 1
    assert journal.verify() == 10  # opened, cycle and its dictionary, intent, two attempts, three transitions, settled
    journal.close()


def test_a_shortfall_is_positive_wherever_it_is_read(journal: Journal) -> None:
    """Every reader says of a trade that realised 1 % less; the record keeps its old key and sign."""
    one = intent()
    journal.accept(cycle(one), one)
    simulated = one.decision.simulation.deltas["WETH"]
    end(journal, settled(one, out=simulated * 99 // 100))
    (trade,), (outcome,) = journal.trades(1), journal.outcomes()
    found = (trade.shortfall_bps, outcome.shortfall_bps, journal.summary().shortfall_bps, *journal.shortfalls(9))
    assert found == (100.0,) * 4
    (record,) = [record for record in journal._ledger.records() if record.kind == "settled"]
    assert '"drift_bps":-100.0' in record.body


def test_one_unfinished_intent(journal: Journal) -> None:
    """A second intent is refused while one is unfinished, and its cycle is not recorded either."""
    one, two = intent(), intent()
    journal.accept(cycle(one), one)
    with pytest.raises(JournalError):
        journal.accept(cycle(two), two)
    assert [line.intent_id for line in journal.cycles(10)] == [one.id]
    end(journal, settled(one))
    journal.accept(cycle(two), two)
    journal.verify()


def test_a_nonce_belongs_to_one_intent(journal: Journal) -> None:
    """Another intent cannot take a nonce that was used, nor can one intent take two."""
    one, two = intent(), intent()
    journal.accept(None, one)
    journal.attempt(attempt(one, 4))
    with pytest.raises(JournalError, match="another nonce"):
        journal.attempt(attempt(one, 5, 1))
    end(journal, settled(one))
    with pytest.raises(JournalError, match="has ended"):
        journal.attempt(attempt(one, 4, 2))
    journal.accept(None, two)
    with pytest.raises(JournalError, match="UNIQUE"):
        journal.attempt(attempt(two, 4))
    journal.attempt(attempt(two, 5))
    journal.verify()


def test_an_intent_ends_once(journal: Journal) -> None:
    """Settling twice is refused and changes nothing."""
    one = intent()
    journal.accept(None, one)
    end(journal, settled(one))
    with pytest.raises(JournalError, match="is not open"):
        journal.settle(settled(one, Outcome.REVERTED))
    assert journal.summary().confirmed == 1


def test_what_was_spent_today(journal: Journal, path: Path, clock: Clock) -> None:
    """Volume counts unfinished intents, loss counts price and gas; both survive a restart and end with the UTC day."""
    one, two = intent(), intent()
    journal.accept(cycle(one), one)
    assert journal.spent_today(NOON) == Spent(0, 500 * 10**6)
    pnl = end(journal, settled(one, out=24 * 10**16))  # 480 USDC's worth for 500, and 0.001 ETH of gas at 2,000
    assert pnl == -22 * 10**6
    journal.accept(cycle(two), two)
    end(journal, settled(two, Outcome.REVERTED))  # put nothing in, cost 2 USDC of gas
    journal = reopened(journal, path, clock)
    assert journal.spent_today(NOON) == Spent(24 * 10**6, 500 * 10**6)
    assert journal.spent_today(NOON + DAY) == Spent(0, 0)
    three = intent()
    journal.accept(cycle(three), three)
    assert journal.spent_today(NOON + DAY).volume == 500 * 10**6  # still unfinished, so it still counts
    journal.close()


def test_a_gain_makes_no_room_for_losses(journal: Journal) -> None:
    """A trade that gained on the same day, before or after, takes nothing off what the others lost."""
    for out in (75 * 10**16, 24 * 10**16, 75 * 10**16, 23 * 10**16):  # WETH at 2,000 for 500 USDC, gas is 2 USDC
        one = intent()
        journal.accept(cycle(one), one)
        end(journal, settled(one, out=out))
    assert journal.spent_today(NOON).loss == (22 + 42) * 10**6


def test_the_latch_is_durable(journal: Journal, path: Path, clock: Clock) -> None:
    """A latch survives reopening with its first reason, until an operator takes it off."""
    assert journal.halt_reason is None
    journal.halt("daily loss")
    journal.halt("something later")
    journal = reopened(journal, path, clock)
    assert journal.halt_reason == "daily loss"
    journal.resume("operator")
    journal = reopened(journal, path, clock)
    assert journal.halt_reason is None
    journal.verify()
    journal.close()


def test_dry_intents_do_not_stand_in_the_way(journal: Journal) -> None:
    """An unsigned intent is kept, is never unfinished and spends nothing."""
    for _ in range(3):
        one = intent(signed=False)
        journal.accept(cycle(one), one)
        journal.transition(one.id, State.DRY)
    assert journal.open_intents() == ()
    assert journal.spent_today(NOON) == Spent(0, 0)
    assert [trade.state for trade in journal.trades(5)] == ["dry"] * 3
    journal.verify()
