"""A disk that loses at a power cut what was not synced, and the journal's own SQL on it.

SIGKILL leaves the kernel's cache alive, so it cannot show whether a commit was synced. Here SQLite (apsw's) runs on a
file layer that writes through to real files and remembers for each what a power cut would leave: what was synced, and
of the writes since then none, or the first ones, or any of them, as disks do that write in an order of their own.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import apsw

from sentinel.journal.ledger import Ledger

Kept = Literal["none", "first", "any"]  # of the writes that were not synced
Write = tuple[int, bytes | None]  # offset and data; None: cut off there


class PowerCut(BaseException):
    """Nothing happens any more."""


@dataclass
class Contents:
    synced: bytearray | None = None  # None: not even its name is on the disk
    since: list[Write] = field(default_factory=list)

    def sync(self) -> None:
        self.synced = self.after(self.since)
        self.since = []

    def after(self, writes: Sequence[Write]) -> bytearray:
        found = bytearray(self.synced or b"")
        for offset, data in writes:
            found.extend(bytes(max(0, offset + len(data or b"") - len(found))))
            if data is None:
                del found[offset:]
            else:
                found[offset : offset + len(data)] = data
        return found


class Disk(apsw.VFS):
    """SQLite's file layer on the folder of one journal. `cut()` is the power cut; then it can be opened again."""

    def __init__(self, name: str, chance: random.Random) -> None:
        super().__init__(name, base="")
        self.name = name
        self.on = True
        self.operations = 0  # writes and syncs so far
        self.fails_at: int | None = None  # the power goes when so many were made, before the next
        self.files: dict[str, Contents] = {}
        self.ledgers: list[Ledger] = []  # open ones, which a cut ends
        self._chance = chance

    def xOpen(self, name: Any, flags: list[int]) -> DiskFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.files.setdefault(path, Contents())
        return DiskFile(self, self.files[path], name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """NOTE: taken as lasting at once. SQLite deletes nothing here but a WAL that it has checkpointed and synced."""
        if self.on:
            super().xDelete(filename, syncdir)
            self.files.pop(filename, None)

    def operate(self) -> bool:
        """Whether a write or a sync may go on: not while `cut` closes what is open. Raises PowerCut."""
        self.operations += 1
        if self.fails_at is not None and self.operations > self.fails_at:
            raise PowerCut
        return self.on

    def cut(self, kept: Kept) -> None:
        """What a power cut now leaves is what the files hold when this returns."""
        self.on, self.fails_at = False, None
        for ledger in list(self.ledgers):
            ledger.close()
        for path, contents in self.files.items():
            Path(path + "-shm").unlink(missing_ok=True)
            left = self._left(contents.since, kept)
            if contents.synced is None and not left:
                Path(path).unlink(missing_ok=True)
            else:
                contents.synced = contents.after(left)
                Path(path).write_bytes(contents.synced)
            contents.since = []
        self.on = True

    def _left(self, writes: list[Write], kept: Kept) -> list[Write]:
        if kept == "first":
            return writes[: self._chance.randint(0, len(writes))]
        return [write for write in writes if kept == "any" and self._chance.random() < 0.5]


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, contents: Contents, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._contents = contents

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.operate():
            super().xWrite(data, offset)
            self._contents.since.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        if self._disk.operate():
            super().xTruncate(newsize)
            self._contents.since.append((newsize, None))

    def xSync(self, flags: int) -> None:
        if self._disk.operate():
            super().xSync(flags)
            self._contents.sync()


class Connection:
    """As much of the standard library's connection as the ledger uses, on apsw's."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=disk.name)
        self._db.set_busy_timeout(5000)

    def create_function(self, name: str, count: int, function: Callable[..., Any], *, deterministic: bool) -> None:
        self._db.create_scalar_function(name, function, count, deterministic=deterministic)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        return Rows(self._db, self._db.execute(sql, tuple(values)))

    def executescript(self, sql: str) -> None:
        self._db.execute(sql)

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def close(self) -> None:
        self._db.close()


class Rows:
    def __init__(self, db: apsw.Connection, cursor: apsw.Cursor) -> None:
        self.rowcount = db.changes()
        self._cursor = cursor

    def fetchall(self) -> list[Any]:
        return list(self._cursor)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


def ledger_on(disk: Disk, synchronous: str = "FULL") -> type[Ledger]:
    """The journal's ledger on this disk; another `synchronous` than its own makes a mutant of it."""

    class OnDisk(Ledger):
        def _connect(self, read_only: bool) -> Any:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            disk.ledgers.append(self)
            return Connection(self.path, disk)

        def _prepare(self, *how: Any) -> None:
            super()._prepare(*how)
            if synchronous != "FULL":
                self.one(f"PRAGMA synchronous={synchronous}", default=())

        def close(self) -> None:
            super().close()  # a power cut in its last checkpoint leaves it to `cut`
            if self in disk.ledgers:
                disk.ledgers.remove(self)

    return OnDisk
