"""The file of closes: SQLite in WAL mode, written at each block, and read again at a start.

A commit of a block is written and not synced, so that a block costs no fsync: a kill loses nothing, a power cut at most
the last seconds, which are read again from the chain. A file that cannot be used is set aside, and a new one is begun.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import structlog

from sentinel.core.closes import Close
from sentinel.core.network import HexHash

log = structlog.get_logger("sentinel.chain.closes")

VERSION = 1
ASIDE = ".damaged"  # ending of a file that was set aside
_TABLE = f"""
BEGIN;
CREATE TABLE closes (
    number INTEGER PRIMARY KEY,  -- block
    hash TEXT NOT NULL,
    time INTEGER NOT NULL,       -- timestamp of the block in seconds
    prices TEXT NOT NULL         -- JSON: quote tokens per whole token
) STRICT;
PRAGMA user_version={VERSION};
COMMIT;
"""
_DAMAGED = (sqlite3.DatabaseError, ValueError, TypeError, AttributeError)


class CloseFile:
    """The file, for one thread of the process that holds the journal's lock. No method raises: errors are logged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._loaded: list[Close] = []
        self._behind = False  # the last write failed: the next one writes everything
        try:
            self._open()
        except (OSError, *_DAMAGED) as error:
            self._react(error)

    def load(self) -> Sequence[Close]:
        """The closes that were in the file when it was opened, by ascending block number."""
        loaded, self._loaded = self._loaded, []
        return loaded

    def write(self, added: Sequence[Close], removed: Sequence[int], everything: Sequence[Close]) -> None:
        """Store and delete in one transaction. `everything` is stored anew if an earlier write failed."""
        try:
            if self._db is None:
                self._open()
            if self._behind:
                self._commit(everything, None)
            else:
                self._commit(added, removed)
            self._behind = False
        except (OSError, *_DAMAGED) as error:
            self._behind = self._react(error) or self._behind

    def close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    # ---------------------------------------------------------------- parts

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        db = sqlite3.connect(self._path, isolation_level=None, timeout=0.2)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            if not db.execute("SELECT 1 FROM sqlite_master").fetchall():
                db.executescript(_TABLE)
            if db.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise ValueError("the file is damaged")
            self._loaded = _rows(db)
        except BaseException:
            db.close()
            raise
        self._db = db

    def _commit(self, added: Sequence[Close], removed: Sequence[int] | None) -> None:
        """`removed` is None for all."""
        db = self._db
        if db is None:
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            if removed is None:
                db.execute("DELETE FROM closes")
            else:
                db.executemany("DELETE FROM closes WHERE number = ?", [(number,) for number in removed])
            rows = [(close.number, close.hash, close.time, json.dumps(dict(close.prices))) for close in added]
            db.executemany("INSERT OR REPLACE INTO closes VALUES (?,?,?,?)", rows)
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def _react(self, error: Exception) -> bool:
        """Set the file aside if it is damaged. Returns True: what was to be written is not in the file yet."""
        if isinstance(error, OSError | sqlite3.OperationalError):  # locked, disk full, not permitted: it may be fine
            self._failed(error)
        else:
            self._set_aside(error)
        return True

    def _failed(self, error: Exception) -> None:
        """The file cannot be used now. Logged once until it can."""
        if not self._behind:
            log.warning("closes.not_written", error=str(error)[:200])
        self._behind = True

    def _set_aside(self, error: Exception) -> None:
        """Rename the damaged file and begin a new one."""
        self.close()
        aside = self._path.with_name(self._path.name + ASIDE)
        log.error("closes.set_aside", file=aside.name, error=str(error)[:200])
        try:
            self._path.replace(aside)
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._open()
        except (OSError, *_DAMAGED) as again:
            self._failed(again)


def read_closes(path: Path) -> Sequence[Close]:
    """The closes in a file that another process may be writing, oldest first; none if there is no usable file."""
    if not path.exists():
        return ()
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)) as db:
            return _rows(db)
    except _DAMAGED:
        return ()


def _rows(db: sqlite3.Connection) -> list[Close]:
    """All closes. Raises ValueError for a file of another version or with values that are no closes."""
    if db.execute("PRAGMA user_version").fetchone() != (VERSION,):
        raise ValueError("the file has another version")
    rows = db.execute("SELECT number, hash, time, prices FROM closes ORDER BY number").fetchall()
    return [
        Close(number, HexHash(hash_), time, {symbol: float(price) for symbol, price in json.loads(prices).items()})
        for number, hash_, time, prices in rows
    ]
