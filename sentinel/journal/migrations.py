"""Migrations of older journals: STEPS[n - 1] turns version n into n + 1, in one transaction.

A step may only add to the index; the records are never rewritten, so their chain of hashes still holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from sentinel.journal import equity
from sentinel.journal.control_records import ReplayedControls
from sentinel.journal.ledger import Ledger


def _equity_and_halts(ledger: Ledger) -> None:
    """1 -> 2: the equity series begins; who set the latch is read from the records."""
    ledger.execute(equity.TABLE)
    folded = ReplayedControls()
    for record in ledger.records():
        if record.kind == "latch":
            body = json.loads(record.body)
            folded.apply_halt(record.seq, body["on"], body["reason"], body["by"])
    ledger.set_meta("halted", folded.sentinel_halted)


STEPS: tuple[Callable[[Ledger], None], ...] = (_equity_and_halts,)
