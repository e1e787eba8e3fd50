"""What `sentinel order` shows of an order in the journal, in JSON types."""

from __future__ import annotations

from typing import Any

from sentinel.journal.journal import Journal
from sentinel.journal.order_records import JournaledOrder, OrderStatus


def order_report(journal: Journal, order: JournaledOrder) -> dict[str, Any]:
    return {
        "hash": order.hash,
        "reading": order.reading,
        "by": order.approved_by,
        "approved_at": order.approved_at,
        "status": order.status.value,
        "trades": len(journal.order_fills.fills(order.hash)),
        "reason": order.reason,
    }


def last_order(journal: Journal) -> dict[str, Any] | None:
    """The order in force, else the newest one if it is complete; None if there is neither."""
    order = journal.orders.current()
    if order is None:
        newest = next(iter(journal.orders.history(1)), None)
        order = newest if newest is not None and newest.status is OrderStatus.COMPLETED else None
    if order is None:
        return None
    return {**order_report(journal, order), "now": None}
