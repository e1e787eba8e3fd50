"""The file of past windows: SQLite with sqlite-vec and exact search. It is a cache of the journal, rebuilt if lost.

NOTE: this SQLite is apsw's own, because Python's is often built without extensions (docs/adr/0011). Two SQLite
libraries of one process must not open the same file, so only this class opens this file, and it never opens the
journal.
"""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import apsw
import sqlite_vec

from sentinel.agent.memory.journal_history import START, JournaledCycle, JournalPosition
from sentinel.agent.memory.window_features import AHEAD, SIZE, WINDOW, finished
from sentinel.core.network import Symbol

VERSION = 1
MAX_WINDOWS = 10_000  # per token; the oldest are deleted
REORG = 64  # blocks to forget if a block's parent is not the block that was seen before it

_TABLES = f"""
PRAGMA user_version={VERSION};
CREATE TABLE place (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT;
CREATE TABLE windows (
    token TEXT NOT NULL,
    known_at INTEGER NOT NULL,  -- the block whose close ends the return after
    return_after REAL NOT NULL,
    features BLOB NOT NULL,     -- float32
    PRIMARY KEY (token, known_at)
) STRICT, WITHOUT ROWID;
"""

_NEAREST = """
SELECT known_at, return_after, vec_distance_L2(features, ?) AS distance FROM windows
WHERE token = ? AND known_at <= ? ORDER BY distance, known_at DESC
"""
_pack = struct.Struct(f"{SIZE}f").pack


class WindowStore:
    """The store, for one thread. Methods raise apsw.Error; the caller then calls `reset`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = self._connect()
        except (apsw.Error, ValueError):  # not a database, another version, or damaged
            self._db = self._recreate()

    def _connect(self) -> apsw.Connection:
        db = apsw.Connection(str(self._path))
        try:
            db.enable_load_extension(True)
            db.load_extension(sqlite_vec.loadable_path())
            db.enable_load_extension(False)
            db.set_busy_timeout(1000)
            db.pragma("journal_mode", "wal")
            db.pragma("synchronous", "normal")
            if db.pragma("user_version") == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchall():
                db.execute(f"BEGIN;{_TABLES}COMMIT;")
            if db.pragma("user_version") != VERSION or db.pragma("quick_check") != "ok":
                raise ValueError
        except BaseException:
            db.close()
            raise
        self._path.chmod(0o600)
        return db

    def _recreate(self) -> apsw.Connection:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        return self._connect()

    def reset(self) -> None:
        """Replace the file by an empty one."""
        self.close()
        self._db = self._recreate()

    def close(self) -> None:
        with contextlib.suppress(apsw.Error):
            self._db.close()

    @property
    def position(self) -> JournalPosition:
        """The last journal record that was read; START if none was."""
        row = self._db.execute("SELECT seq, hash FROM place").fetchone()
        return START if row is None else JournalPosition(*row)

    def add(self, cycles: list[JournaledCycle], tokens: list[Symbol], place: JournalPosition) -> None:
        """Store the windows of `cycles`, in their order, and `place` as the new position, in one transaction."""
        with self._db:
            for cycle in cycles:
                self._rewind(cycle)
                self._db.execute("INSERT INTO blocks VALUES (?,?)", (cycle.number, cycle.hash))
                for token in tokens:
                    if (window := finished(cycle.history.get(token, ()))) is not None:
                        row = (token, cycle.number, window.return_after, _pack(*window.features))
                        self._db.execute("INSERT INTO windows VALUES (?,?,?,?)", row)
            self._db.execute("INSERT OR REPLACE INTO place VALUES (1,?,?)", (place.seq, place.hash))
            self._prune(tokens)

    def nearest(
        self, token: Symbol, features: tuple[float, ...], before: int, limit: int
    ) -> list[tuple[int, float, float]]:
        """Up to `limit` windows as (block of their end, return after, distance), nearest first.

        Each window and the AHEAD blocks after it are older than block `before`. No window overlaps another one, or the
        one that ends at `before`.
        """
        latest = min(before - 1, before - WINDOW + AHEAD)
        chosen: list[tuple[int, float, float]] = []
        for known_at, after, distance in self._db.execute(_NEAREST, (_pack(*features), token, latest)):
            ended = known_at - AHEAD
            if all(abs(ended - other) >= WINDOW for other, _, _ in chosen):
                chosen.append((ended, after, distance))
                if len(chosen) == limit:
                    break
        return chosen

    def _rewind(self, cycle: JournaledCycle) -> None:
        """Delete the cycle's block and later ones; REORG earlier ones too if its parent is not the stored block."""
        parent = self._db.execute("SELECT hash FROM blocks WHERE number = ?", (cycle.number - 1,)).fetchone()
        replaced = parent is not None and parent[0] != cycle.parent_hash
        first = cycle.number - REORG if replaced else cycle.number
        self._db.execute("DELETE FROM windows WHERE known_at >= ?", (first,))
        self._db.execute("DELETE FROM blocks WHERE number >= ?", (first,))

    def _prune(self, tokens: list[Symbol]) -> None:
        """Keep the newest MAX_WINDOWS windows of each token, and the last REORG blocks."""
        for token in tokens:
            self._db.execute(
                "DELETE FROM windows WHERE token = ?1 AND known_at <= (SELECT known_at FROM windows WHERE token = ?1 "
                "ORDER BY known_at DESC LIMIT 1 OFFSET ?2)",
                (token, MAX_WINDOWS),
            )
        self._db.execute("DELETE FROM blocks WHERE number < (SELECT max(number) FROM blocks) - ?", (REORG,))
