"""The retention: drops the content of old cycles that held, and keeps the chain that vouches for what was dropped.

A cycle that acted is never dropped, nor is any other record. The line of a dropped cycle stays in the index.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from sentinel.journal.chain_check import DROPPED, digest_of
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical

BATCH = 200  # cycles that are dropped in one transaction, which takes a few milliseconds
WATERMARK = "dropped_to"  # key of the last cycle that was looked at


def drop_holds(ledger: Ledger, before: float, batch: int = BATCH) -> int:
    """Drop the content of up to `batch` cycles that held before Unix time `before`, oldest first.

    Returns how many were dropped; 0 if none is left. Durable when it returns. Raises JournalError.
    """
    rows = ledger.all(
        "SELECT seq FROM cycles WHERE act = 0 AND at < ? AND seq > ? ORDER BY seq LIMIT ?",
        *(int(before * 1000), int(ledger.meta(WATERMARK) or 0), batch),
    )
    seqs = [seq for (seq,) in rows]
    if not seqs:
        return 0
    with ledger.transaction():
        ranges = []
        for first, last in _runs(seqs):
            ledger.execute("UPDATE records SET body = '', packed = NULL WHERE seq BETWEEN ? AND ?", first, last)
            ranges.append([first, last, digest_of(ledger.dropped(first, last))[1]])
        ledger.append(DROPPED, canonical({"ranges": ranges}))
        ledger.set_meta(WATERMARK, str(seqs[-1]))
    return len(seqs)


def _runs(seqs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and last number of each run of consecutive numbers."""
    for _, group in itertools.groupby(enumerate(seqs), lambda item: item[1] - item[0]):
        run = [seq for _, seq in group]
        yield run[0], run[-1]
