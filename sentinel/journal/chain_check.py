"""Checks records against the hash chain as they are read: content, order, and what the retention dropped.

A dropped record keeps its header: number, kind, time, link and hash. The record of kind "dropped" that is appended in
the same transaction holds the digest of these headers, so the chain vouches for them although the content is gone.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sentinel.core.errors import JournalTampered
from sentinel.journal.stored_records import GENESIS, Dictionary, Record, fits

DROPPED = "dropped"  # kind of the record that names the dropped ones
HINT = "; keep this file, and restore a copy from before the change (docs/replay.md)"

Row = tuple[int, str, int, str, bytes | None, str, str]  # seq, kind, at, body, packed, prev, hash
Header = tuple[int, str, int, str, str]  # seq, kind, at, prev, hash
Headers = Callable[[int, int], Iterable[Header]]  # the dropped records from the first to the last number


def tampered(name: str, what: str) -> JournalTampered:
    """The error for a fault of the file `name`: what differs, and what to do, in one line."""
    return JournalTampered(f"{name}: {what}{HINT}")


def digest_of(headers: Iterable[Header]) -> tuple[int, str]:
    """The number of headers, and the SHA-256 in hex over all of them."""
    digest, count = hashlib.sha256(), 0
    for header in headers:
        digest.update(("\n".join(map(str, header)) + "\n").encode())
        count += 1
    return count, digest.hexdigest()


@dataclass(slots=True)
class ChainCheck:
    """Give it each row in order, then call `end`. Both raise JournalTampered at the first fault."""

    name: str  # of the file
    headers: Headers
    dictionary: Dictionary
    last: int = 0  # number of the record before the first row
    previous: str = GENESIS  # hash of that record
    _dropped: int = field(default=0, init=False)  # rows without content
    _covered: list[tuple[int, int]] = field(default_factory=list, init=False)  # first and last number
    _whole: bool = field(init=False)

    def __post_init__(self) -> None:
        self._whole = self.last == 0

    def add(self, row: Row) -> Record:
        """Check the next row and return its record."""
        seq, kind, at, body, packed, prev, digest = row
        record = Record(seq, kind, at, packed if packed is not None else body, self.dictionary)
        if seq != self.last + 1:
            raise tampered(self.name, f"record {self.last + 1} is missing")
        if prev != self.previous:
            raise tampered(self.name, f"{_named(record)} does not follow record {self.last}: its link differs")
        if packed is not None and body:
            raise tampered(self.name, f"{_named(record)} was changed: it has two bodies")
        if record.dropped:
            self._dropped += 1
        elif not fits(prev, kind, at, record.stored, digest, self.dictionary):
            raise tampered(self.name, f"{_named(record)} was changed: its content does not match its hash")
        elif kind == DROPPED:
            self._cover(record)
        self.last, self.previous = seq, digest
        return record

    def end(self, count: int, tip: str) -> None:
        """Check that nothing is missing after the last row: `count` and `tip` are what the last write left."""
        if (self.last, self.previous) != (count, tip):
            raise tampered(self.name, f"it ends at record {self.last}, but record {count} was written last")
        covered = sum(last - first + 1 for first, last in self._covered)
        disjoint = all(one[1] < other[0] for one, other in itertools.pairwise(sorted(self._covered)))
        if self._whole and (covered != self._dropped or not disjoint):
            raise tampered(self.name, f"{self._dropped} records are without content, the retention dropped {covered}")

    def _cover(self, record: Record) -> None:
        body = json.loads(record.body)
        for first, last, digest in body["ranges"]:
            if digest_of(self.headers(first, last)) != (last - first + 1, digest):
                raise tampered(
                    self.name, f"the records {first} to {last} are not as they were when {_named(record)} dropped them"
                )
            self._covered.append((first, last))


def _named(record: Record) -> str:
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record.at / 1000)) if 0 <= record.at < 1 << 46 else "?"
    return f"record {record.seq} ({record.kind[:20]}, {moment} UTC)"
