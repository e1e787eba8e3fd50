"""One SQLite file of hash-chained records with one writer. The journal and the signing ledger are built on it.

Every record's hash covers the record before it, so a changed, missing or inserted record is detected. The file uses WAL
with synchronous=FULL: what `transaction` has committed survives a SIGKILL and a power cut.
NOTE: all calls are synchronous and must come from one thread; a commit takes milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sentinel.core.errors import JournalError
from sentinel.journal.chain_check import ChainCheck, Header
from sentinel.journal.dictionaries import KIND, Dictionaries
from sentinel.journal.ledger_file import lock, mapped
from sentinel.journal.stored_records import GENESIS, Record, Stored, fits, link, packed, unpacked

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,      -- Unix milliseconds
    body TEXT NOT NULL,       -- canonical JSON
    prev TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE
) STRICT;
"""

# Added by the journal's schema 4. The signing ledger has no such column: its records are short, and are read in SQL.
PACKED = (
    "ALTER TABLE records ADD COLUMN packed BLOB;"  # the compressed body, `body` is then empty; see stored_records.py
)

BATCH = 500  # records that are read at once
_IN_ORDER = "SELECT seq, kind, at, body, {packed}, prev, hash FROM records WHERE seq > ? ORDER BY seq LIMIT ?"
_HEADERS = (
    "SELECT seq, kind, at, prev, hash FROM records WHERE seq BETWEEN ? AND ? AND body = '' AND packed IS NULL "
    "ORDER BY seq"
)


class Ledger:
    """The file. `tables` of the caller are an index that it updates in the same transaction as the records."""

    def __init__(
        self,
        path: Path,
        tables: str,
        version: int,
        *,
        steps: Sequence[Callable[[Ledger], None]] = (),
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
        durable: bool = True,
    ) -> None:
        """Open the file, or create it with `tables` at schema `version`.

        A writer migrates an older file by `steps`; the first step leads from version 1 to 2. Without `durable`
        nothing waits for the disk. Raises WalletBusy if another process writes the file, JournalError if the file
        cannot be used.
        """
        self.path = path
        self.clock = clock
        self._synchronous = "FULL" if durable else "OFF"
        self._lock: int | None = None
        self._db: sqlite3.Connection | None = None
        self._packs = False  # whether the schema has compressed bodies
        self._dictionaries = Dictionaries(self.one)
        try:
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock = lock(path.with_name(path.name + ".lock"))
            with mapped(f"cannot open {path.name}"):
                self._db = self._connect(read_only)
                self._db.create_function("unpacked", 2, self._unpacked, deterministic=True)
                self._prepare(tables, version, steps, read_only)
        except BaseException:
            self.close()
            raise

    def _connect(self, read_only: bool) -> sqlite3.Connection:
        """A connection to the file, which a writer creates with mode 0600 if it is missing."""
        if read_only and not self.path.exists():
            raise JournalError(f"there is no journal {self.path.name} yet: has `sentinel run` been started?")
        if not read_only:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        uri = f"{self.path.resolve().as_uri()}?mode={'ro' if read_only else 'rw'}"
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5.0)

    def _prepare(self, tables: str, version: int, steps: Sequence[Callable[[Ledger], None]], read_only: bool) -> None:
        """Check the schema's version, create or migrate the tables, and check the newest records."""
        found = self.one("PRAGMA user_version")[0]
        fresh = self.one("SELECT count(*) FROM sqlite_master")[0] == 0
        known = 1 <= found <= version and version - found <= len(steps)
        if not fresh and found != version and (read_only or not known):
            age = "newer" if found > version else "older"
            hint = "; the next start of `sentinel run` brings it up to date" if known else ""
            raise JournalError(f"{self.path.name} has schema {found} of a {age} Sentinel; this one has {version}{hint}")
        if read_only:
            if fresh:
                raise JournalError(f"{self.path.name} is empty")
            self._packs = self._has_packed()
            return
        for pragma in (
            "foreign_keys=ON",
            f"synchronous={self._synchronous}",
            "wal_autocheckpoint=1000",
            "trusted_schema=OFF",
        ):
            self.one(f"PRAGMA {pragma}", default=())
        if self.one("PRAGMA journal_mode=WAL")[0] != "wal":
            raise JournalError(f"{self.path.name}: this file system has no WAL: choose another SENTINEL_STATE_DIR")
        if fresh:
            self._refuse_emptied()
            script = f"BEGIN IMMEDIATE;{_TABLES}{tables}PRAGMA user_version={version};"
            self._sql().executescript(script + f"INSERT INTO meta VALUES ('tip', '{GENESIS}'), ('count', '0');COMMIT;")
            os.write(self._lock or 0, b"in use\n")
        else:
            self._packs = self._has_packed()
            if found < version:
                self._keep(found)
            for at in range(found, version):
                with self.transaction():
                    steps[at - 1](self)
                    self.execute(f"PRAGMA user_version={at + 1}")
            if found < version:
                with contextlib.suppress(JournalError):  # without room for it, the file only stays as large as it was
                    self.execute("VACUUM")
        self._packs = self._has_packed()
        self.check(after=max(0, int(self.meta("count") or 0) - 256))

    def pack(self) -> None:
        """Give the table of an older schema its column for compressed bodies."""
        self.execute(PACKED)
        self._packs = True

    def _has_packed(self) -> bool:
        return self.one("SELECT 1 FROM pragma_table_info('records') WHERE name = 'packed'") is not None

    def _keep(self, version: int) -> None:
        """Copy the file before its first migration, so that the older version can be restored."""
        copy = self.path.with_name(f"{self.path.name}.schema{version}")
        copy.unlink(missing_ok=True)
        os.close(os.open(copy, os.O_CREAT | os.O_WRONLY, 0o600))
        self.execute("VACUUM INTO ?", str(copy))

    def _refuse_emptied(self) -> None:
        """Raise JournalError for an empty file whose lock file says that it was used: caps and nonces would be lost."""
        if self._lock is not None and os.fstat(self._lock).st_size > 0:
            raise JournalError(
                f"{self.path.name} is empty but has been in use: restore it, or remove {self.path.name}.lock too "
                "if no transaction is open and today's caps may start again at zero"
            )

    # ---------------------------------------------------------------- writing

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A block whose writes are committed together, durable at its end. If it raises, nothing was written.

        Raises JournalError.
        """
        with mapped("cannot write the journal"):
            db = self._sql()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                self._dictionaries.forget()
                raise

    def append(self, kind: str, body: str) -> Record:
        """Add one record at the end of the chain and return it. Call it only inside `transaction`."""
        tip, count = self.meta("tip") or GENESIS, int(self.meta("count") or 0)
        compressed = self.compressed(kind, body)
        record = Record(count + 1, kind, int(self.clock() * 1000), body if compressed is None else compressed)
        digest = link(tip, kind, record.at, record.stored)
        columns, values = "seq, kind, at, prev, hash, body", (record.seq, kind, record.at, tip, digest)
        if compressed is None:
            self.execute(f"INSERT INTO records ({columns}) VALUES (?,?,?,?,?,?)", *values, body)
        else:
            self.execute(f"INSERT INTO records ({columns}, packed) VALUES (?,?,?,?,?,'',?)", *values, compressed)
        self.set_meta("tip", digest)
        self.set_meta("count", str(record.seq))
        self.add_dictionary(kind, body)
        return record

    def compressed(self, kind: str, body: str) -> bytes | None:
        """The body as it is stored, or None if it is stored as text."""
        return packed(body, self._dictionaries.newest if kind != KIND else b"") if self._packs else None

    def add_dictionary(self, kind: str, body: str) -> None:
        """Add the dictionary that is due after a record. Call it only inside `transaction`."""
        if self._packs and kind == "cycle" and (due := self._dictionaries.due(body)) is not None:
            added = self.append(KIND, due)
            self.execute("INSERT INTO dictionaries VALUES (?,?)", self._dictionaries.added(due), added.seq)

    def set_meta(self, key: str, value: str) -> None:
        """Set one entry of the key-value table. Call it only inside `transaction`."""
        self.execute("INSERT INTO meta VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)

    def execute(self, sql: str, *values: Any) -> int:
        """Execute one statement. Returns the number of changed rows. Raises JournalError."""
        with mapped("cannot write the journal"):
            return self._sql().execute(sql, values).rowcount

    # ---------------------------------------------------------------- reading

    def all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises JournalError."""
        with mapped("cannot read the journal"):
            return self._sql().execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any, default: Any = None) -> Any:
        """The first row of a query, or `default` if there is none. Raises JournalError."""
        rows = self.all(sql, *values)
        return rows[0] if rows else default

    def meta(self, key: str) -> str | None:
        """One entry of the key-value table; None if it was never set."""
        row = self.one("SELECT value FROM meta WHERE key = ?", key)
        return None if row is None else str(row[0])

    def records(self, after: int = 0) -> Iterator[Record]:
        """The records after number `after`, in order.

        Raises JournalTampered at the first record that breaks the hash chain, or if the last records are missing.
        """
        check = ChainCheck(self.path.name, self.dropped, self._dictionaries.get, after, self._hash_of(after))
        statement = _IN_ORDER.format(packed="packed" if self._packs else "NULL")
        while rows := self.all(statement, check.last, BATCH):
            for row in rows:
                yield check.add(row)
        check.end(int(self.meta("count") or 0), self.meta("tip") or GENESIS)

    def check(self, after: int = 0) -> int:
        """Check the records after number `after` against the hash chain, and return the number of the last one.

        Raises JournalTampered as `records` does.
        """
        last = after
        with self.snapshot():
            for record in self.records(after):
                last = record.seq
        return last

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A block that sees the file as it is at its beginning, whatever the writer does meanwhile."""
        if self._sql().in_transaction:
            yield
            return
        self.execute("BEGIN")
        try:
            yield
        finally:
            self.execute("ROLLBACK")  # nothing was written

    def text(self, stored: Stored) -> str:
        """The text of a stored body. Raises ValueError if it cannot be unpacked."""
        return unpacked(stored, self._dictionaries.get)

    def fits(self, prev: str, kind: str, at: int, stored: Stored, digest: str) -> bool:
        """Whether the hash of a record that was not dropped matches its content."""
        return fits(prev, kind, at, stored, digest, self._dictionaries.get)

    def _unpacked(self, body: str | None, packed: bytes | None) -> str | None:
        """The SQL function `unpacked`: the text of a record; NULL for a row that an outer join did not find."""
        return body if packed is None else self.text(packed)

    def _hash_of(self, seq: int) -> str:
        return str(self.one("SELECT hash FROM records WHERE seq = ?", seq, default=(GENESIS,))[0])

    def dropped(self, first: int, last: int) -> list[Header]:
        """The headers of the records from `first` to `last` whose content was dropped."""
        return self.all(_HEADERS, first, last) if self._packs else []

    def _sql(self) -> sqlite3.Connection:
        if self._db is None:
            raise JournalError("the journal is closed")
        return self._db

    def close(self) -> None:
        """Close the file and release its lock."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
