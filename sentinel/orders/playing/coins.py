"""All coins that an order names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from sentinel.core.network import Symbol
from sentinel.orders.playing.envelope import envelope
from sentinel.orders.typed.expressions import Holding, Unit, Weight, named
from sentinel.orders.typed.order import Order


def coins_of(order: Order) -> frozenset[Symbol]:
    """Those that it trades, those that its conditions look at, and the quote token."""
    traded = {coin for pair in envelope(order).pairs for coin in pair}
    arbitraged = set(_named(order.clauses))
    return frozenset({order.quote, *traded, *arbitraged, *_named(order.only_while), *dict(order.max_shares)})


def _named(part: object) -> Iterator[Symbol]:
    """Coins by the types of their fields: `coin`, `coins`, `among`, `sold`, `bought` and weights."""
    if isinstance(part, tuple):
        for item in part:
            yield from _named(item)
    if not dataclasses.is_dataclass(part) or isinstance(part, type):
        return
    for name in (one.name for one in dataclasses.fields(part)):
        value = getattr(part, name)
        match part, name:
            case (Holding() | Unit(), "coin"):
                yield from (value,) if value else ()
            case (Weight(), "coins" | "among"):
                yield from value
            case (_, "coin" | "sold" | "bought"):
                yield from named(value)
            case (_, "coins"):
                yield from value
            case (_, "weights"):
                yield from (coin for coin, _ in value)
            case _:
                yield from _named(value)
