"""What `sentinel order` shows of an order, in JSON types: from the journal, and of a daemon that does not run."""

from __future__ import annotations

from typing import Any

from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.core.network import Network
from sentinel.daemon.approved_order import SETTINGS, chosen_order, why_none
from sentinel.journal.journal import Journal
from sentinel.journal.order_records import JournaledOrder, OrderStatus
from sentinel.orders.language.reading import render
from sentinel.orders.typed.judgements import phrases_in

BEGUN = (OrderStatus.APPROVED, OrderStatus.COMPLETED)


def order_report(journal: Journal, order: JournaledOrder) -> dict[str, Any]:
    return {
        "hash": order.hash,
        "reading": order.reading,
        "words": order.text,
        "judgements": list(phrases_in(order.reading)),
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


def order_with(journal: Journal, digest: str, reading: str, now: str | None) -> dict[str, Any]:
    """The order that is in force, whose times begin with the first block if it is one of the settings."""
    known = journal.orders.latest(digest)
    if known is not None and known.status in BEGUN:
        return {**order_report(journal, known), "now": now}
    return {
        "hash": digest,
        "reading": reading,
        "words": reading,
        "judgements": list(phrases_in(reading)),
        "by": SETTINGS,
        "approved_at": None,
        "status": "not begun",
        "trades": 0,
        "reason": "",
        "now": now,
    }


def order_of_next_start(settings: Settings, network: Network, journal: Journal) -> dict[str, Any] | None:
    """The order that a start with these settings would put in force, else the last one; None if there is neither.

    `start` says what such a start would do. Raises SettingsError if it would be refused, and there is no last order.
    """
    try:
        chosen = chosen_order(settings, network, journal)
    except SettingsError as error:
        if (last := last_order(journal)) is None:
            raise
        return _with_start(last, f"a start would be refused: {error}")
    if chosen is None:
        why = why_none(settings, journal, required=settings.needs_order)
        start = "a start would trade without an order" if why is None else f"a start would hold: {why}"
        return _with_start(last_order(journal), start)
    order = order_with(journal, chosen.hash, render(chosen.order), None)
    if order["status"] == OrderStatus.COMPLETED:
        return _with_start(order, "a start would hold: the order is complete")
    return _with_start(order, "a start would trade it" + (", from the settings" if chosen.given else ""))


def _with_start(order: dict[str, Any] | None, start: str) -> dict[str, Any] | None:
    return None if order is None else {**order, "start": start}
