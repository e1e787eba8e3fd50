"""What an order reads and compares: all its parts of a type, and the blocks back of the closes that it needs."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterator
from typing import TypeVar

from sentinel.orders.language.drafts import BLOCK_SECONDS
from sentinel.orders.typed.conditions import ClosesBeyond, Streak
from sentinel.orders.typed.expressions import Best, Change, PriceAgo, Statistic, Window, named
from sentinel.orders.typed.order import Order
from sentinel.orders.typed.parts import parts as walk

Part = TypeVar("Part")


def parts(within: Hashable, kind: type[Part]) -> Iterator[Part]:
    """All of this type, in the order written."""
    return (part for part in _all(within) if isinstance(part, kind))


@functools.lru_cache(maxsize=64)  # a few hundred market situations are drawn for one order
def _all(within: Hashable) -> tuple[object, ...]:
    return tuple(walk(within))


def blocks_back(order: Order) -> dict[str, set[int]]:
    """Of each coin, how many blocks ago the closes are that the order reads; 0, the price now, is left out."""
    found: dict[str, set[int]] = {}
    for window in parts(order, Window):
        if window.statistic is not Statistic.RSI:
            _add(found, named(window.coin), window.bar, range(window.bars + window.earlier))
    changes: list[Change | PriceAgo] = [*parts(order, Change), *parts(order, PriceAgo)]
    for change in changes:
        _add(found, named(change.coin), change.ago, (1,))
    for best in parts(order, Best):
        _add(found, best.coins, best.ago, (1,))
    runs: list[Streak | ClosesBeyond] = [*parts(order, Streak), *parts(order, ClosesBeyond)]
    for run in runs:
        _add(found, named(run.coin), run.bar, range(run.closes + 1))
    return found


def _add(found: dict[str, set[int]], coins: tuple[str, ...], bar: int, bars: range | tuple[int, ...]) -> None:
    for coin in coins:
        found.setdefault(coin, set()).update(bar * count // BLOCK_SECONDS for count in bars if count)
