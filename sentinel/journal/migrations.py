"""Migrations of older journals: STEPS[n - 1] turns version n into n + 1, in one transaction.

A step may add to the index and change how a record's content is stored, never the content, so the hash chain stays
valid.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from sentinel.journal import dictionaries, equity, order_fills, order_records, paper_records, position_records
from sentinel.journal.control_records import ReplayedControls
from sentinel.journal.ledger import Ledger


def _equity_and_halts(ledger: Ledger) -> None:
    """Version 1 to 2: add the equity series, and read from the records whether Sentinel itself set the halt."""
    ledger.execute(equity.TABLE)
    controls = ReplayedControls()
    for record in ledger.records():
        if record.kind == "latch":
            body = json.loads(record.body)
            controls.apply_halt(record.seq, body["on"], body["reason"], body["by"])
    ledger.set_meta("halted", controls.sentinel_halted)


ORDERS = order_records.TABLE + order_fills.TABLES + position_records.TABLES


def _orders(ledger: Ledger) -> None:
    """Version 2 to 3: add the tables of orders, their fills and positions, which are empty."""
    for statement in ORDERS.split(";\n"):
        ledger.execute(statement)


def _packed(ledger: Ledger) -> None:
    """Version 3 to 4: add the paper wallet, and compress the long bodies, each after a check.

    Their hashes stay, and cover the text.
    """
    for statement in (dictionaries.TABLE + paper_records.TABLES + order_fills.PAPER).split(";\n"):
        ledger.execute(statement)
    ledger.pack()
    for record in ledger.records():
        if record.kind == dictionaries.KIND:  # added by this step
            continue
        body = record.body
        if (compressed := ledger.compressed(record.kind, body)) is not None:
            ledger.execute("UPDATE records SET body = '', packed = ? WHERE seq = ?", compressed, record.seq)
            ledger.add_dictionary(record.kind, body)


STEPS: tuple[Callable[[Ledger], None], ...] = (_equity_and_halts, _orders, _packed)
