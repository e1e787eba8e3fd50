"""The orders in the journal: set, approved, cancelled, completed. Each change is durable when its method returns.

One wallet has one order in force, the one approved last. One that is set and not approved yet stands beside it, and
takes its place when it is approved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sentinel.core.errors import JournalError
from sentinel.core.network import Symbol
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical
from sentinel.journal.stored_records import Record

TABLE = """
CREATE TABLE orders (
    seq INTEGER PRIMARY KEY REFERENCES records, hash TEXT NOT NULL, status TEXT NOT NULL,
    approved_by INTEGER REFERENCES records, ended_by INTEGER REFERENCES records  -- the records that did
) STRICT;
CREATE INDEX orders_by_hash ON orders (hash, seq);
"""


class OrderStatus(StrEnum):
    SET = "set"  # waits for an approval
    APPROVED = "approved"  # in force
    REPLACED = "replaced"  # another order was set before its approval, or approved after it
    CANCELLED = "cancelled"
    COMPLETED = "completed"


REPORTED = "order_reported"  # the key of the last one's id
OPEN = (OrderStatus.SET, OrderStatus.APPROVED)


@dataclass(frozen=True, slots=True)
class JournaledOrder:
    """One order as it was set, and what became of it."""

    id: int  # number of the record that set it
    hash: str  # of the reading
    text: str  # the operator's own words
    reading: str  # in the fixed plain English form
    source: str  # where it came from, for example a setting or the control socket
    set_at: int  # chain time in seconds
    set_prices: Mapping[Symbol, Decimal]  # quote tokens per coin at that time
    status: OrderStatus
    approved_by: str | None = None
    approved_at: int | None = None  # chain time in seconds
    reason: str = ""  # of the cancellation


class OrderRecords:
    """Reads and writes the orders. Writing raises JournalError."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def order_set(
        self, text: str, reading: str, hash: str, set_at: int, set_prices: Mapping[Symbol, Decimal], source: str
    ) -> JournaledOrder:
        """Record an order that waits for its approval. It replaces one that waits already.

        If the order in force, or the one that waits, has this hash, it stays as it was set, and no record is added:
        a restart that sets the same order again must not begin its times anew.
        """
        for known in (self.current(), self.waiting()):
            if known is not None and known.hash == hash:
                return known
        prices = {symbol: str(price) for symbol, price in set_prices.items()}
        with self._ledger.transaction():
            added = self._append(
                "order_set", text=text, reading=reading, hash=hash, set_at=set_at, set_prices=prices, source=source
            )
            self._move(OrderStatus.SET, OrderStatus.REPLACED)
            self._ledger.execute("INSERT INTO orders VALUES (?,?,?,NULL,NULL)", added.seq, hash, OrderStatus.SET.value)
        return self._one(added.seq)

    def approved(self, hash: str, by: str, at: int) -> JournaledOrder:
        """Put the waiting order in force. `at` is chain time. Raises JournalError if none with this hash waits."""
        seq = self._seq(hash, (OrderStatus.SET,))
        with self._ledger.transaction():
            added = self._append("order_approved", hash=hash, by=by, at=at)
            self._move(OrderStatus.APPROVED, OrderStatus.REPLACED)
            self._ledger.execute(
                "UPDATE orders SET status = ?, approved_by = ? WHERE seq = ?",
                OrderStatus.APPROVED.value,
                added.seq,
                seq,
            )
        return self._one(seq)

    def cancelled(self, hash: str, reason: str) -> JournaledOrder:
        """End an order that waits or is in force. Raises JournalError if there is none with this hash."""
        return self._end("order_cancelled", hash, OPEN, OrderStatus.CANCELLED, reason=reason)

    def completed(self, hash: str) -> JournaledOrder:
        """End the order in force, which has nothing left to do. Raises JournalError if it has another hash."""
        return self._end("order_completed", hash, (OrderStatus.APPROVED,), OrderStatus.COMPLETED)

    def reported(self, id: int) -> None:
        """Note that somebody has the message that the order of this id is complete."""
        if id > self.last_reported:
            with self._ledger.transaction():
                self._append("order_reported", order=id)
                self._ledger.set_meta(REPORTED, str(id))

    # ---------------------------------------------------------------- reading

    @property
    def last_reported(self) -> int:
        """The id of the last order that was reported to be complete; 0 if there is none."""
        return int(self._ledger.meta(REPORTED) or 0)

    def current(self) -> JournaledOrder | None:
        """The order in force; None if there is none."""
        return self._last(OrderStatus.APPROVED)

    def waiting(self) -> JournaledOrder | None:
        """The order that waits for its approval; None if there is none."""
        return self._last(OrderStatus.SET)

    def last_completed(self) -> JournaledOrder | None:
        """The order that was set last of those that are complete."""
        return self._last(OrderStatus.COMPLETED)

    def latest(self, hash: str) -> JournaledOrder | None:
        """The order with this hash as it was set last; None if it never was."""
        row = self._ledger.one("SELECT max(seq) FROM orders WHERE hash = ?", hash)
        return None if row[0] is None else self._one(row[0])

    def was_approved(self, hash: str) -> bool:
        """Whether an order with this hash was ever approved."""
        row = self._ledger.one("SELECT 1 FROM orders WHERE hash = ? AND approved_by NOTNULL LIMIT 1", hash)
        return row is not None

    def history(self, limit: int) -> tuple[JournaledOrder, ...]:
        """The last `limit` orders, newest first."""
        rows = self._ledger.all("SELECT seq FROM orders ORDER BY seq DESC LIMIT ?", limit)
        return tuple(self._one(seq) for (seq,) in rows)

    # ---------------------------------------------------------------- parts

    def _end(
        self, kind: str, hash: str, from_: tuple[OrderStatus, ...], to: OrderStatus, **facts: object
    ) -> JournaledOrder:
        seq = self._seq(hash, from_)
        with self._ledger.transaction():
            added = self._append(kind, hash=hash, **facts)
            self._ledger.execute("UPDATE orders SET status = ?, ended_by = ? WHERE seq = ?", to.value, added.seq, seq)
        return self._one(seq)

    def _append(self, kind: str, **facts: object) -> Record:
        return self._ledger.append(kind, canonical(facts))

    def _move(self, from_: OrderStatus, to: OrderStatus) -> None:
        self._ledger.execute("UPDATE orders SET status = ? WHERE status = ?", to.value, from_.value)

    def _seq(self, hash: str, statuses: tuple[OrderStatus, ...]) -> int:
        marks = ",".join("?" * len(statuses))
        row = self._ledger.one(
            f"SELECT max(seq) FROM orders WHERE hash = ? AND status IN ({marks})",
            *(hash, *(status.value for status in statuses)),
        )
        if row[0] is None:
            raise JournalError(f"no order {hash[:16]} is {' or '.join(statuses)}")
        return int(row[0])

    def _last(self, status: OrderStatus) -> JournaledOrder | None:
        row = self._ledger.one("SELECT max(seq) FROM orders WHERE status = ?", status.value)
        return None if row[0] is None else self._one(row[0])

    def _one(self, seq: int) -> JournaledOrder:
        set_, approved, ended, status = self._ledger.one(
            "SELECT unpacked(s.body, s.packed), unpacked(a.body, a.packed), unpacked(e.body, e.packed), status "
            "FROM orders JOIN records s ON s.seq = orders.seq "
            "LEFT JOIN records a ON a.seq = approved_by LEFT JOIN records e ON e.seq = ended_by WHERE orders.seq = ?",
            seq,
        )
        body = json.loads(set_)
        approval, end = json.loads(approved or "{}"), json.loads(ended or "{}")
        return JournaledOrder(
            id=seq,
            hash=body["hash"],
            text=body["text"],
            reading=body["reading"],
            source=body["source"],
            set_at=body["set_at"],
            set_prices={symbol: Decimal(price) for symbol, price in body["set_prices"].items()},
            status=OrderStatus(status),
            approved_by=approval.get("by"),
            approved_at=approval.get("at"),
            reason=end.get("reason", ""),
        )


@dataclass(slots=True)
class ReplayedOrders:
    """The orders as they follow from the records alone, which `verify` compares with the index."""

    rows: dict[int, list[Any]] = field(default_factory=dict)  # by record: hash, status, approved by, ended by
    reported: str = ""  # the id of the last order that was reported to be complete

    def apply(self, record: Record, body: Mapping[str, Any]) -> None:
        """Apply a record of any kind."""
        match record.kind:
            case "order_set":
                self._move(OrderStatus.SET)
                self.rows[record.seq] = [body["hash"], OrderStatus.SET, None, None]
            case "order_approved":
                row = self._newest(body["hash"], (OrderStatus.SET,))
                self._move(OrderStatus.APPROVED)
                row[1], row[2] = OrderStatus.APPROVED, record.seq
            case "order_cancelled":
                row = self._newest(body["hash"], OPEN)
                row[1], row[3] = OrderStatus.CANCELLED, record.seq
            case "order_completed":
                row = self._newest(body["hash"], (OrderStatus.APPROVED,))
                row[1], row[3] = OrderStatus.COMPLETED, record.seq
            case "order_reported":
                self.reported = str(body["order"])

    def _move(self, status: OrderStatus) -> None:
        for row in self.rows.values():
            if row[1] == status:
                row[1] = OrderStatus.REPLACED

    def _newest(self, hash: str, statuses: tuple[OrderStatus, ...]) -> list[Any]:
        return next(row for row in reversed(self.rows.values()) if row[0] == hash and row[1] in statuses)


def stored(ledger: Ledger) -> dict[int, list[Any]]:
    """The index as it is in the file, in the form of `ReplayedOrders.rows`."""
    return {seq: row for seq, *row in ledger.all("SELECT seq, hash, status, approved_by, ended_by FROM orders")}
