"""The journal keeps what it was given, keeps its rules in the database, and knows when it was changed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.core.errors import ChainMismatch, JournalError, JournalTampered, WalletBusy
from sentinel.core.mandate import Spent
from sentinel.core.transaction import Outcome
from sentinel.core.units import DAY
from sentinel.journal.journal import Journal
from sentinel.journal.states import State
from tests.journal.values import GENESIS, NETWORK, WALLET, attempt, cycle, end, intent, settled

NOON = 1_700_049_600.0  # 12:00 UTC


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(path: Path, clock: Clock) -> Iterator[Journal]:
    opened = Journal.open(path, NETWORK, GENESIS, WALLET, clock=clock)
    yield opened
    opened.close()


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
    assert journal.verify() == 9  # opened, cycle, intent, two attempts, three transitions, settled
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


def test_two_writers(journal: Journal, path: Path) -> None:
    """A second process with this journal is told so and changes nothing; a reader may read beside the writer."""
    code = (
        "import sys; from pathlib import Path; from sentinel.journal.journal import Journal; "
        "from sentinel.core.errors import WalletBusy; from tests.journal.values import NETWORK, GENESIS, WALLET\n"
        "try: Journal.open(Path(sys.argv[1]), NETWORK, GENESIS, WALLET)\n"
        "except WalletBusy: sys.exit(42)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60).returncode == 42
    with pytest.raises(WalletBusy):
        Journal.open(path, NETWORK, GENESIS, WALLET)
    journal.halt("x")
    reader = Journal.open(path, NETWORK, GENESIS, WALLET, read_only=True)
    assert reader.halt_reason == "x"
    with pytest.raises(JournalError):
        reader.halt("y")
    reader.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET body = replace(body, '500000000', '500000001') WHERE kind = 'intent'",
        "UPDATE records SET at = at + 1 WHERE seq = 2",
        "UPDATE records SET kind = 'note' WHERE kind = 'attempt'",
        "DELETE FROM records WHERE kind = 'latch'",
        "DELETE FROM records WHERE seq = (SELECT max(seq) FROM records)",
        "UPDATE intents SET finished = 1",
        "UPDATE intents SET state = 'confirmed'",
        "UPDATE intents SET nonce = 9",
        "DELETE FROM attempts",
        "UPDATE meta SET value = '' WHERE key = 'latch'",
    ],
)
def test_tampering_is_found(journal: Journal, path: Path, change: str) -> None:
    """Any change to a record or to the index that was not written by the journal is found."""
    one = intent()
    journal.accept(cycle(one), one)
    journal.attempt(attempt(one, 4))
    journal.halt("paused")
    journal.transition(one.id, State.SENT)
    journal.verify()
    db = sqlite3.connect(path)
    db.execute(change)
    db.commit()
    db.close()
    with pytest.raises(JournalTampered):
        journal.verify()


def test_tampering_is_found_at_opening(journal: Journal, path: Path) -> None:
    """A journal whose latest records do not fit is not opened."""
    journal.halt("x")
    journal.close()
    db = sqlite3.connect(path)
    db.execute("UPDATE records SET body = '{}' WHERE kind = 'latch'")
    db.commit()
    db.close()
    with pytest.raises(JournalTampered):
        Journal.open(path, NETWORK, GENESIS, WALLET)


def test_another_chain_or_wallet(journal: Journal, path: Path) -> None:
    """A journal is refused for another genesis or wallet, in words that name both."""
    journal.close()
    with pytest.raises(ChainMismatch, match="genesis"):
        Journal.open(path, NETWORK, "0x" + "cd" * 32, WALLET)
    with pytest.raises(ChainMismatch, match="wallet"):
        Journal.open(path, NETWORK, GENESIS, "0x" + "ee" * 20)


def test_a_newer_schema_is_refused(journal: Journal, path: Path) -> None:
    """A file of a newer Sentinel is left alone."""
    journal.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalError, match="newer"):
        Journal.open(path, NETWORK, GENESIS, WALLET)


def test_a_full_disk(journal: Journal) -> None:
    """When nothing more can be written the write fails as JournalError and leaves no half of it."""
    journal._ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = journal._ledger.one("PRAGMA page_count")[0]
    journal._ledger.one(f"PRAGMA max_page_count = {pages}")
    one = intent()
    with pytest.raises(JournalError, match="full"):
        journal.accept(cycle(one), one)
    assert journal.open_intents() == ()
    assert journal.cycles(5) == ()
    journal._ledger.one("PRAGMA max_page_count = 1000000")
    journal.accept(cycle(one), one)
    journal.verify()


def test_a_read_only_file(journal: Journal) -> None:
    """A database that turns read-only fails as JournalError."""
    journal._ledger.one("PRAGMA query_only = ON", default=())
    with pytest.raises(JournalError, match="readonly"):
        journal.halt("x")


@pytest.mark.parametrize("left", [0, 100, 5000])
def test_a_truncated_file(journal: Journal, path: Path, left: int) -> None:
    """A file that lost its end, or all of it, is refused instead of begun anew."""
    for _ in range(5):
        journal.record(cycle())
    journal.close()
    with path.open("r+b") as file:
        file.truncate(left)
    with pytest.raises(JournalError):
        Journal.open(path, NETWORK, GENESIS, WALLET)


def test_no_journal_yet(path: Path) -> None:
    """Reading where nothing was ever written says so and creates nothing."""
    with pytest.raises(JournalError, match="no journal"):
        Journal.open(path, NETWORK, GENESIS, WALLET, read_only=True)
    assert not path.exists()


def test_committed_writes_survive_a_kill(path: Path) -> None:
    """A process killed right after `halt` returned has latched; what it had not committed is not there."""
    code = (
        "import os, sys; from pathlib import Path; from sentinel.journal.journal import Journal; "
        "from tests.journal.values import NETWORK, GENESIS, WALLET\n"
        "j = Journal.open(Path(sys.argv[1]), NETWORK, GENESIS, WALLET); j.halt('killed')\n"
        "with j._ledger.transaction():\n"
        "    j._ledger.append('note', '{}'); j._ledger.set_meta('latch', 'half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60).returncode == -9
    journal = Journal.open(path, NETWORK, GENESIS, WALLET)
    assert journal.halt_reason == "killed"
    assert journal.verify() == 2
    journal.close()
