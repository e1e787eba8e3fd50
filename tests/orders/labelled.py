"""Labelled orders: the facts of a situation as the player sees them, and whether a play is what the label says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from sentinel.core.closes import CloseSeries
from sentinel.orders.expressions import Statistic, Window
from sentinel.orders.order import Order
from sentinel.orders.player import play
from sentinel.orders.reading import Ask, Reading, Refuse
from sentinel.orders.situation import Fill, Gap, Position, Situation
from sentinel.orders.trades import Side, Trade

BLOCK = 12  # seconds, of labelled orders
NOW = 1_700_000_000
QUOTE = "USDC"

Facts = Mapping[str, Any]


def labelled(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def situation(facts: Facts, order: Order) -> Situation:
    """Closes beyond those that are stated are missing."""
    since_start = facts.get("blocks_since_start")
    gap = facts.get("venue_gap")
    entries, highs = facts.get("entry_price", {}), facts.get("high_since_entry", {})
    return Situation(
        time=NOW,
        prices={**_decimals(facts["price"]), QUOTE: Decimal(1)},
        holdings=_decimals(facts["holdings"]),
        gas_price=None if "gas_gwei" not in facts else _decimal(facts["gas_gwei"]),
        closes=_closes(facts),
        positions={
            coin: Position(_decimal(entry), _decimal(highs.get(coin, entry))) for coin, entry in entries.items()
        },
        set_at=NOW - BLOCK * since_start if since_start is not None else NOW - 10**6,
        fills=_fills(facts, order),
        bought_today=_decimal(facts.get("spent_today", 0)),
        stated={Window(Statistic.RSI, coin, 14, 60): _decimal(value) for coin, value in facts.get("rsi14", {}).items()},
        gap=lambda coin, amount: None if gap is None or gap["token"] != coin else _round_trip(gap, amount),
    )


def right(reading: Reading, facts: Facts) -> tuple[bool, str]:
    """Whether the player does what one of the labels says, and what it did."""
    labels = [facts["expect"], *facts["expect"].get("or", ())]
    if isinstance(reading, Ask | Refuse):
        wanted = "ambiguous" if isinstance(reading, Ask) else "cannot"
        return any(label["action"] == wanted for label in labels), str(reading)
    played = play(reading, situation(facts, reading))
    return any(_fits(played.trade, label) for label in labels), played.why


def _fits(trade: Trade | None, label: Facts) -> bool:
    if trade is None:
        return bool(label["action"] == "hold")
    coin = trade.bought if trade.side in (Side.BUY, Side.ARBITRAGE) else trade.sold
    if (label["action"], label.get("token")) != (trade.side.value, coin):
        return False
    wanted = _decimal(label["amount_usdc"])
    return abs(trade.worth - wanted) <= wanted * _decimal(label["tolerance_pct"]) / 100


def _fills(facts: Facts, order: Order) -> tuple[Fill, ...]:
    """As many as are stated, the last at the time that is stated: a clause has all of its own before the next."""
    since = facts.get("blocks_since_last_trade")
    count = facts.get("fills_so_far", 0 if since is None else 1)
    clauses = [
        index
        for index, clause in enumerate(order.clauses)
        for _ in range(clause.slices.parts if clause.slices else clause.times or count)
    ]
    last = NOW - BLOCK * (10**4 if since is None else since)
    return tuple(Fill(last, clause) for clause in clauses[:count])


def _closes(facts: Facts) -> dict[str, CloseSeries]:
    """Closes of one block each, the last of them now, and single prices of some blocks ago."""
    found: dict[str, dict[int, float]] = {}
    for coin, closes in facts.get("recent_closes", {}).items():
        for back, close in enumerate(reversed(closes)):
            found.setdefault(coin, {})[NOW - back * BLOCK] = float(close)
    for coin, prices in facts.get("price_ago", {}).items():
        for blocks, price in prices.items():
            found.setdefault(coin, {})[NOW - int(blocks) * BLOCK] = float(price)
    return {coin: CloseSeries(tuple(sorted(one)), tuple(one[at] for at in sorted(one))) for coin, one in found.items()}


def _round_trip(gap: Facts, amount: Decimal) -> Gap:
    low, high = _decimal(gap["low_price"]), _decimal(gap["high_price"])
    profit = amount * (high / low - 1) - amount * _decimal(gap["fees_bps"]) / 10_000 - _decimal(gap["gas_usdc"])
    return Gap(amount, profit)


def _decimals(numbers: Mapping[str, Any]) -> dict[str, Decimal]:
    return {coin: _decimal(number) for coin, number in numbers.items()}


def _decimal(number: Any) -> Decimal:
    return Decimal(str(number))
