"""The file of past windows: SQLite with sqlite-vec, searched exactly. A cache of the journal, rebuilt where it is lost.

NOTE: this SQLite is apsw's own, since Python's is often built without extensions (docs/adr/0011). Two SQLites of one
process must not open one file, so nothing but this class opens this one, and the journal is never opened here.
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
MAX_WINDOWS = 10_000  # a token; the oldest give way
REORG = 64  # blocks that are forgotten where a parent is not the block that was seen before

_TABLES = f"""
PRAGMA user_version={VERSION};
CREATE TABLE place (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT;
CREATE TABLE windows (
    token TEXT NOT NULL,
    known_at INTEGER NOT NULL,  -- the block whose close ended what followed
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
    """For one thread. Methods raise apsw.Error; the caller then calls `reset`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = self._connect()
        except (apsw.Error, ValueError):  # no database, of another version, or damaged
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
        for end in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)
        return self._connect()

    def reset(self) -> None:
        """An empty file."""
        self.close()
        self._db = self._recreate()

    def close(self) -> None:
        with contextlib.suppress(apsw.Error):
            self._db.close()

    @property
    def position(self) -> JournalPosition:
        """How far the journal has been read; START where not at all."""
        found = self._db.execute("SELECT seq, hash FROM place").fetchone()
        return START if found is None else JournalPosition(*found)

    def add(self, cycles: list[JournaledCycle], tokens: list[Symbol], place: JournalPosition) -> None:
        """All or nothing: what these cycles saw, in their order, and how far the journal is read with them."""
        with self._db:
            for seen in cycles:
                self._rewind(seen)
                self._db.execute("INSERT INTO blocks VALUES (?,?)", (seen.number, seen.hash))
                for token in tokens:
                    if (window := finished(seen.history.get(token, ()))) is not None:
                        row = (token, seen.number, window.return_after, _pack(*window.features))
                        self._db.execute("INSERT INTO windows VALUES (?,?,?,?)", row)
            self._db.execute("INSERT OR REPLACE INTO place VALUES (1,?,?)", (place.seq, place.hash))
            self._prune(tokens)

    def nearest(
        self, token: Symbol, features: tuple[float, ...], before: int, limit: int
    ) -> list[tuple[int, float, float]]:
        """(block it ended at, return after, distance), the nearest first: windows of before block `before`, what
        followed them included, of which none overlaps another or the one that ends at `before`."""
        latest = min(before - 1, before - WINDOW + AHEAD)
        chosen: list[tuple[int, float, float]] = []
        for known_at, after, distance in self._db.execute(_NEAREST, (_pack(*features), token, latest)):
            ended = known_at - AHEAD
            if all(abs(ended - other) >= WINDOW for other, _, _ in chosen):
                chosen.append((ended, after, distance))
                if len(chosen) == limit:
                    break
        return chosen

    def _rewind(self, seen: JournaledCycle) -> None:
        """Forget this block and later ones; where its parent is not the one that was seen, a good deal before too."""
        parent = self._db.execute("SELECT hash FROM blocks WHERE number = ?", (seen.number - 1,)).fetchone()
        replaced = parent is not None and parent[0] != seen.parent_hash
        first = seen.number - REORG if replaced else seen.number
        self._db.execute("DELETE FROM windows WHERE known_at >= ?", (first,))
        self._db.execute("DELETE FROM blocks WHERE number >= ?", (first,))

    def _prune(self, tokens: list[Symbol]) -> None:
        """The newest MOST_WINDOWS of each token stay, and the blocks that a parent may be looked for in."""
        for token in tokens:
            self._db.execute(
                "DELETE FROM windows WHERE token = ?1 AND known_at <= (SELECT known_at FROM windows WHERE token = ?1 "
                "ORDER BY known_at DESC LIMIT 1 OFFSET ?2)",
                (token, MAX_WINDOWS),
            )
        self._db.execute("DELETE FROM blocks WHERE number < (SELECT max(number) FROM blocks) - ?", (REORG,))
