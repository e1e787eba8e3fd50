"""One SQLite file of hash-chained records with one writer. The journal and the signing ledger are built on it.

Every record's hash covers the record before it, so a changed, missing or inserted record is detected. The file uses WAL
with synchronous=FULL: what `transaction` has committed survives a SIGKILL and a power cut.
NOTE: all calls are synchronous and must come from one thread; a commit takes milliseconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel.core.errors import JournalError, JournalTampered, WalletBusy

GENESIS = "0" * 64  # the `prev` of the first record

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

_IN_ORDER = "SELECT seq, kind, at, body, prev, hash FROM records WHERE seq > ? ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the chain."""

    seq: int  # 1 for the first record
    kind: str
    at: int  # Unix milliseconds
    body: str


def link(prev: str, kind: str, at: int, body: str) -> str:
    """The hash of a record whose predecessor has the hash `prev`: SHA-256 in hex. `at` is in Unix milliseconds."""
    return hashlib.sha256(f"{prev}\n{kind}\n{at}\n{body}".encode()).hexdigest()


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
        try:
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock = _lock(path.with_name(path.name + ".lock"))
            with _mapped(f"cannot open {path.name}"):
                self._db = self._connect(read_only)
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
            if found < version:
                self._keep(found)
            for at in range(found, version):
                with self.transaction():
                    steps[at - 1](self)
                    self.execute(f"PRAGMA user_version={at + 1}")
        self._check_tail(256)

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
        with _mapped("cannot write the journal"):
            db = self._sql()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def append(self, kind: str, body: str) -> Record:
        """Add one record at the end of the chain and return it. Call it only inside `transaction`."""
        tip, count = self.meta("tip") or GENESIS, int(self.meta("count") or 0)
        record = Record(count + 1, kind, int(self.clock() * 1000), body)
        digest = link(tip, kind, record.at, body)
        self.execute("INSERT INTO records VALUES (?,?,?,?,?,?)", record.seq, kind, record.at, body, tip, digest)
        self.set_meta("tip", digest)
        self.set_meta("count", str(record.seq))
        return record

    def set_meta(self, key: str, value: str) -> None:
        """Set one entry of the key-value table. Call it only inside `transaction`."""
        self.execute("INSERT INTO meta VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)

    def execute(self, sql: str, *values: Any) -> int:
        """Execute one statement. Returns the number of changed rows. Raises JournalError."""
        with _mapped("cannot write the journal"):
            return self._sql().execute(sql, values).rowcount

    # ---------------------------------------------------------------- reading

    def all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises JournalError."""
        with _mapped("cannot read the journal"):
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
        previous = GENESIS
        if after:
            previous = self.one("SELECT hash FROM records WHERE seq = ?", after, default=(GENESIS,))[0]
        expected = after + 1
        with _mapped("cannot read the journal"):
            rows = self._sql().execute(_IN_ORDER, (after,))
            for seq, kind, at, body, prev, digest in rows:
                if seq != expected or prev != previous or link(prev, kind, at, body) != digest:
                    raise JournalTampered(f"record {seq} of {self.path.name} does not match the hash chain")
                expected, previous = seq + 1, digest
                yield Record(seq, kind, at, body)
        if expected - 1 != int(self.meta("count") or 0) or previous != self.meta("tip"):
            raise JournalTampered(f"{self.path.name} ends at record {expected - 1}, not where the last write left it")

    def _check_tail(self, length: int) -> None:
        """Check the hash chain of the last `length` records. Raises JournalTampered."""
        for _ in self.records(after=max(0, int(self.meta("count") or 0) - length)):
            pass

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


def _lock(path: Path) -> int:
    """The file descriptor that holds the exclusive lock on `path`. Raises WalletBusy if another process holds it."""
    with _mapped(f"cannot create {path.name}"):
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise WalletBusy(
            f"another Sentinel writes to {path.parent.name}/ for this wallet: stop it first (`sentinel stop`), "
            "or give this one its own wallet and its own SENTINEL_STATE_DIR"
        ) from error
    return handle


@contextmanager
def _mapped(failure: str) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into JournalError, whose text begins with `failure`."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeError) as error:  # UnicodeError: damaged text in an SQLite error
        raise JournalError(f"{failure}: {error}") from error
