"""The journal's file: one writer, one chain and wallet, no unnoticed change, no loss at a kill or on a full disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.core.errors import ChainMismatch, JournalError, JournalTampered, WalletBusy
from sentinel.journal.journal import Journal
from sentinel.journal.states import State
from tests.journal.values import GENESIS, NETWORK, WALLET, attempt, cycle, intent


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
        "UPDATE records SET packed = CAST(zeroblob(20) || substr(packed, 21) AS BLOB) WHERE kind = 'intent'",
        "UPDATE records SET packed = NULL WHERE kind = 'cycle'",
        "UPDATE records SET body = '{}' WHERE kind = 'cycle'",
        "UPDATE records SET prev = '00' WHERE seq = 3",
        "UPDATE cycles SET votes = 8",
        "UPDATE dictionaries SET adler = 1",
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


def recorded_until_full(journal: Journal) -> int:
    """The number of cycles that could be recorded."""
    for written in range(1000):
        try:
            journal.record(cycle())
        except JournalError:
            return written
    raise AssertionError("the disk never was full")


def test_a_full_disk(journal: Journal) -> None:
    """When nothing more can be written the write fails as JournalError and leaves no half of it."""
    journal._ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = journal._ledger.one("PRAGMA page_count")[0]
    journal._ledger.one(f"PRAGMA max_page_count = {pages}")
    one = intent()
    written = recorded_until_full(journal)
    with pytest.raises(JournalError, match="full"):
        journal.accept(cycle(one), one)
    assert journal.open_intents() == ()
    assert len(journal.cycles(1000)) == written
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
