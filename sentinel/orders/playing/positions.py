"""What held coins cost on average, and the highest close since they were bought. Pure.

A sale lowers the quantity and leaves the average. Once nearly nothing is left the position is closed, and the next buy
opens a new one. Gas is no part of a cost. Coins that came from elsewhere have no cost until the operator gives one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from sentinel.core.closes import CloseSeries
from sentinel.core.network import Symbol
from sentinel.orders.playing.situation import Position

NEARLY_NOTHING = Decimal("0.001")  # share of a position's largest quantity at which it is closed
# Share of a holding that may be of unknown cost. It is large, because whoever sends coins to the wallet could switch a
# stop off otherwise; who sends a tenth of a holding makes its owner a present.
UNEXPLAINED = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class CoinTrade:
    """What one confirmed trade did to one token."""

    time: int  # chain time of its block in seconds
    token: Symbol
    coins: Decimal  # whole coins; positive if bought, negative if sold
    quote: Decimal | None  # quote tokens that were paid or received, not negative; None if it is not known


@dataclass(frozen=True, slots=True)
class Entry:
    """The operator's word on what coins cost that Sentinel did not buy."""

    time: int  # chain time in seconds at which it was given
    token: Symbol
    price: Decimal  # quote tokens per coin
    coins: Decimal  # to which it applies; 0 corrects the price of the entry before


@dataclass(frozen=True, slots=True)
class Cost:
    """The part of a holding whose cost is known."""

    quantity: Decimal  # whole coins, above 0
    entry: Decimal  # average, quote tokens per coin
    opened_at: int  # chain time in seconds
    largest: Decimal  # quantity since it was opened


@dataclass(frozen=True, slots=True)
class High:
    """The highest close of a position, as far as it was kept."""

    since: int  # `opened_at` of the position
    price: Decimal  # quote tokens per coin


def costs(trades: Iterable[CoinTrade], entries: Iterable[Entry] = ()) -> dict[Symbol, Cost]:
    """What is known about the cost of each token, from all trades and entries in any order."""
    events: list[CoinTrade | Entry] = sorted([*trades, *_corrected(entries)], key=lambda event: event.time)
    found: dict[Symbol, Cost] = {}
    for event in events:
        cost = found.pop(event.token, None)
        if isinstance(event, Entry):
            cost = _bought(cost, event.time, event.coins, event.coins * event.price)
        elif event.coins < 0:
            cost = _sold(cost, -event.coins)
        elif event.quote is not None:
            cost = _bought(cost, event.time, event.coins, event.quote)
        if cost is not None:
            found[event.token] = cost
    return found


def _corrected(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that add coins, each with the price that was given for it last."""
    kept: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: entry.time):
        if entry.coins > 0:
            kept.append(entry)
            continue
        for index in reversed(range(len(kept))):
            if kept[index].token == entry.token:
                kept[index] = replace(kept[index], price=entry.price)
                break
    return kept


def _bought(cost: Cost | None, time: int, coins: Decimal, paid: Decimal) -> Cost | None:
    if coins <= 0:
        return cost
    if cost is None:
        return Cost(coins, paid / coins, time, coins)
    quantity = cost.quantity + coins
    average = (cost.quantity * cost.entry + paid) / quantity
    return Cost(quantity, average, cost.opened_at, max(cost.largest, quantity))


def _sold(cost: Cost | None, coins: Decimal) -> Cost | None:
    if cost is None:
        return None
    left = cost.quantity - coins
    return None if left <= cost.largest * NEARLY_NOTHING else replace(cost, quantity=left)


def unexplained(cost: Cost | None, holding: Decimal) -> Decimal:
    """The coins of a holding whose cost is not known; 0 if these are too few to matter."""
    extra = holding - (cost.quantity if cost is not None else 0)
    return extra if extra > holding * UNEXPLAINED else Decimal(0)


def positions(
    known: Mapping[Symbol, Cost],
    holdings: Mapping[Symbol, Decimal],
    closes: Mapping[Symbol, CloseSeries],
    highs: Mapping[Symbol, High],
) -> dict[Symbol, Position]:
    """The positions whose cost is known. A token that is held and absent has coins of unknown cost."""
    return {
        token: Position(cost.entry, _high(cost, closes.get(token, CloseSeries()), highs.get(token)))
        for token, cost in known.items()
        if (holding := holdings.get(token, Decimal(0))) > 0 and not unexplained(cost, holding)
    }


def _high(cost: Cost, series: CloseSeries, kept: High | None) -> Decimal:
    """The entry itself if there is no close since."""
    later = series.prices[bisect_left(series.times, cost.opened_at) :]
    highs = [Decimal(repr(max(later)))] if later else []
    if kept is not None and kept.since == cost.opened_at:
        highs.append(kept.price)
    return max(highs, default=cost.entry)


def settled_high(cost: Cost, series: CloseSeries, kept: High | None, until: int) -> High | None:
    """The high to keep, from closes up to `until`, which must be too old for a reorg. None if it is kept already."""
    past = series.prices[bisect_left(series.times, cost.opened_at) : bisect_right(series.times, until)]
    if not past:
        return None
    price = Decimal(repr(max(past)))
    if kept is not None and kept.since == cost.opened_at and kept.price >= price:
        return None
    return High(cost.opened_at, price)
