"""Every released schema is brought to today's, and today's does not change without a number of its own."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sentinel.core.errors import JournalError
from sentinel.journal import migrations
from sentinel.journal.journal import VERSION, Journal
from tests.journal.values import GENESIS, NETWORK, WALLET

HERE = Path(__file__).parent
RELEASED = sorted(HERE.glob("version*.sql"))


def schema(path: Path) -> list[str]:
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT sql FROM sqlite_master WHERE sql NOTNULL ORDER BY name").fetchall()
    db.close()
    return [" ".join(sql.split()) for (sql,) in rows]


def test_todays_schema_is_the_one_that_is_written_down(tmp_path: Path) -> None:
    """Where this fails: raise VERSION, add a step to migrations.py, and keep a journal of the old one as
    versionN.sql."""
    Journal.open(tmp_path / "new", NETWORK, GENESIS, WALLET).close()
    written = (HERE / f"schema{VERSION}.txt").read_text().splitlines()
    assert schema(tmp_path / "new") == written
    assert len(migrations.STEPS) == VERSION - 1


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
def test_a_released_journal_is_brought_forward(released: Path, tmp_path: Path) -> None:
    """It ends with today's schema and an unbroken chain; a copy of what it was lies beside it, and can be read."""
    path, version = tmp_path / "journal", int(released.stem.removeprefix("version"))
    with sqlite3.connect(path) as db:
        db.executescript(released.read_text())
        (before,) = db.execute("SELECT count(*) FROM records").fetchone()
    db.close()
    with pytest.raises(JournalError, match="brings it up to date"):
        Journal.open(path, NETWORK, None, None, read_only=True)
    journal = Journal.open(path, NETWORK, None, None)
    made = len(journal._ledger.all("SELECT 1 FROM dictionaries"))
    assert journal.verify() == before + made
    journal.close()
    assert schema(path) == (HERE / f"schema{VERSION}.txt").read_text().splitlines()
    kept = tmp_path / f"journal.schema{version}"
    with sqlite3.connect(kept) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (version,)
        assert db.execute("SELECT count(*) FROM records").fetchone() == (before,)
    db.close()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_every_earlier_schema_is_kept() -> None:
    """One file a version that was released before this one."""
    assert [path.stem for path in RELEASED] == [f"version{number}" for number in range(1, VERSION)]
