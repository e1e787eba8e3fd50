"""Facts of a market as labelled orders state them, drawn around what an order compares."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from typing import Any

from sentinel.distill.orders.holdings import held, rounded, spread
from sentinel.distill.orders.order_parts import blocks_back, parts
from sentinel.distill.orders.quantities import COINS, QUOTE
from sentinel.orders.language.drafts import BLOCK_SECONDS
from sentinel.orders.typed.actions import Arbitrage, Worth
from sentinel.orders.typed.conditions import ClosesBeyond, Compare, Streak
from sentinel.orders.typed.expressions import (
    GWEI,
    Constant,
    Entry,
    Fact,
    High,
    Price,
    Profit,
    Statistic,
    Window,
    named,
)
from sentinel.orders.typed.expressions import (
    QUOTE as QUOTE_UNIT,
)
from sentinel.orders.typed.order import Order

Facts = dict[str, Any]  # the fields of sentinel/distill/evaluation/labelled_orders.py:LabelledSituation


def drawn_facts(order: Order | None, rng: random.Random) -> Facts:
    """Random facts in which most of what hinders a trade is out of the way. None: the order is not carried out."""
    facts: Facts = {"price": _prices(order, rng)}
    if order is None:
        facts["holdings"] = spread(facts["price"], {coin: rng.random() for coin in (*COINS, QUOTE)}, 9_000, rng)
        return facts
    facts["holdings"] = held(order, facts["price"], rng)
    _add_positions(order, facts, rng)
    _add_closes(order, facts, rng)
    _add_times(order, facts, rng)
    _add_gas(order, facts, rng)
    for window in parts(order, Window):
        if window.statistic is Statistic.RSI:
            facts.setdefault("rsi14", {}).update({coin: _rsi(order, rng) for coin in named(window.coin)})
    if order.max_day is not None:
        sizes = [float(size.quote) for size in parts(order.clauses, Worth)] or [100]
        edge = max(float(order.max_day) - rng.choice(sizes), 0) * rng.choice((0, 0.3, 0.98, 1, 1.02))
        facts["spent_today"] = round(edge, 2)
    for action in parts(order.clauses, Arbitrage):
        facts["venue_gap"] = _gap(action, facts, rng)
    return facts


def moved(facts: Facts, coin: str, price: Decimal) -> Facts:
    """The facts at another price of a coin."""
    value = rounded(float(price), 7)
    found = {**facts, "price": {**facts["price"], coin: value}}
    if (closes := facts.get("recent_closes", {}).get(coin)) is not None:
        found["recent_closes"] = {**facts["recent_closes"], coin: [*closes[:-1], value]}
    return found


# ------------------------------------------------------------ prices


def _prices(order: Order | None, rng: random.Random) -> dict[str, float]:
    """Near a level that the order names, else anywhere."""
    found = {"WETH": rng.uniform(1_200, 4_800), "WBTC": rng.uniform(28_000, 120_000)}
    levels = {coin: [float(level) for level in _levels(order, coin)] for coin in found} if order is not None else {}
    return {
        coin: rounded(rng.choice(levels[coin]) * rng.uniform(0.93, 1.07) if levels.get(coin) else price)
        for coin, price in found.items()
    }


def _levels(order: Order, coin: str) -> list[Decimal]:
    found = [
        constant.value
        for compare in parts(order, Compare)
        if isinstance(compare.left, Price) and coin in named(compare.left.coin)
        for constant in parts(compare.right, Constant)
        if constant.unit == QUOTE_UNIT
    ]
    closes = [run for run in parts(order, ClosesBeyond) if coin in named(run.coin)]
    return [*found, *(constant.value for run in closes for constant in parts(run.level, Constant))]


# ------------------------------------------------------------ positions and closes


def _add_positions(order: Order, facts: Facts, rng: random.Random) -> None:
    of_position: list[Entry | High | Profit] = [*parts(order, Entry), *parts(order, High), *parts(order, Profit)]
    coins = {coin for part in of_position for coin in named(part.coin)}
    for coin in sorted(coins):
        entry = rounded(facts["price"][coin] * rng.uniform(0.75, 1.2))
        facts.setdefault("entry_price", {})[coin] = entry
        facts.setdefault("high_since_entry", {})[coin] = rounded(entry * rng.choice((1, rng.uniform(1, 1.7))))


def _add_closes(order: Order, facts: Facts, rng: random.Random) -> None:
    for coin, backs in sorted(blocks_back(order).items()):
        price, noise = facts["price"][coin], rng.choice((0.0003, 0.001, 0.003))
        walk, at = {0: price}, price
        for back in sorted(backs):
            at *= 1 + rng.gauss(0, noise)
            walk[back] = rounded(at, 6)
        _run(order, coin, walk, rng)
        facts["price"][coin] = walk[0]
        most = max(backs)
        if sorted(backs) == list(range(1, most + 1)) and most <= 130:
            facts.setdefault("recent_closes", {})[coin] = [walk[back] for back in range(most, -1, -1)]
        else:
            facts.setdefault("price_ago", {})[coin] = {str(back): walk[back] for back in sorted(backs)}


def _run(order: Order, coin: str, walk: dict[int, float], rng: random.Random) -> None:
    """Let the newest closes run as a condition wants, or break the run once."""
    for streak in parts(order, Streak):
        if coin in named(streak.coin):
            step = streak.bar // BLOCK_SECONDS
            sign = 1 if streak.rising else -1
            for count in range(streak.closes - 1, -1, -1):
                walk[count * step] = rounded(walk[(count + 1) * step] * (1 + sign * rng.uniform(0.0002, 0.003)), 6)
            if rng.random() < 0.5:
                count = rng.randrange(streak.closes)
                walk[count * step] = rounded(walk[(count + 1) * step] * (1 - sign * rng.choice((0, 0.0004))), 6)
    for run in parts(order, ClosesBeyond):
        levels = [float(constant.value) for constant in parts(run.level, Constant)]
        if coin in named(run.coin) and levels:
            step, sign = run.bar // BLOCK_SECONDS, -1 if run.op in ("below", "at most") else 1
            for count in range(run.closes + 1):
                walk[count * step] = rounded(levels[0] * (1 + sign * rng.uniform(0.0005, 0.01)), 6)
            if rng.random() < 0.5:
                walk[rng.randrange(run.closes) * step] = rounded(levels[0] * (1 - sign * 0.0008), 6)


# ------------------------------------------------------------ times, gas and other facts


def _add_times(order: Order, facts: Facts, rng: random.Random) -> None:
    waits = [clause.every for clause in order.clauses if clause.every is not None]
    waits += [clause.slices.span // clause.slices.parts for clause in order.clauses if clause.slices is not None]
    waits += [int(number.value) for number in _thresholds(order, Fact.SINCE_TRADE)]
    counted = [clause.slices.parts if clause.slices else clause.times for clause in order.clauses]
    most = [count for count in counted if count is not None]
    if waits:
        wait = math.ceil(rng.choice(waits) / BLOCK_SECONDS)
        since = wait + rng.choice((0, 0, 1, 3, rng.randint(2, 4 * wait + 9), -1, -rng.randint(1, wait)))
        facts["blocks_since_last_trade"] = max(since, 1) if rng.random() < 0.9 else None
    if most or (waits and facts["blocks_since_last_trade"] is not None):
        never = "blocks_since_last_trade" in facts and facts["blocks_since_last_trade"] is None
        count = 0 if never or not most else rng.choice((0, 0, 0, 1, most[0] - 1, most[0], sum(most)))
        if waits and not never:
            count = max(count, 1)
        facts["fills_so_far"] = count
    ends = [clause.lasting for clause in order.clauses if clause.lasting is not None]
    ends += [int(number.value) for number in _thresholds(order, Fact.SINCE_SET)]
    spans = [clause.slices.span for clause in order.clauses if clause.slices is not None]
    if ends:
        end = rng.choice(ends) // BLOCK_SECONDS
        facts["blocks_since_start"] = max(end + rng.choice((-1, -rng.randint(1, end), 0, 1, 2, 50)), 0)
    elif spans:
        facts["blocks_since_start"] = rng.randint(0, spans[0] // BLOCK_SECONDS + 5)


def _thresholds(order: Order, fact: Fact) -> list[Constant]:
    return [
        constant
        for compare in parts(order, Compare)
        if compare.left is fact
        for constant in parts(compare.right, Constant)
    ]


def _add_gas(order: Order, facts: Facts, rng: random.Random) -> None:
    limits = [float(limit.value) for limit in _thresholds(order, Fact.GAS_PRICE) if limit.unit == GWEI]
    if limits:
        limit = rng.choice(limits)
        facts["gas_gwei"] = rounded(limit * rng.choice((0.4, 0.8, 0.97, 0.99, 0.99, 1.02, 1.5)), 4)


def _rsi(order: Order, rng: random.Random) -> float:
    levels = [
        float(constant.value)
        for compare in parts(order, Compare)
        if isinstance(compare.left, Window) and compare.left.statistic is Statistic.RSI
        for constant in parts(compare.right, Constant)
    ]
    return round(min(max(rng.choice(levels or [50.0]) + rng.choice((-8, -1, -0.4, 0.4, 1, 8)), 1), 99), 1)


def _gap(action: Arbitrage, facts: Facts, rng: random.Random) -> dict[str, object]:
    """Two venues whose difference pays a little more or less than the order wants."""
    free = float(facts["holdings"][QUOTE])
    amount = float(action.amount.quote) if isinstance(action.amount, Worth) else float(action.amount.fraction) * free
    least = float(action.profit.quote) if isinstance(action.profit, Worth) else float(action.profit.fraction) * amount
    fees, gas = rng.choice((5, 10, 35, 60)), round(rng.uniform(0.3, 4), 2)
    low = facts["price"][action.coin]
    profit = least * rng.choice((0.2, 0.8, 0.95, 1.05, 1.3, 2.5))
    high = low * (1 + (profit + gas) / max(amount, 1) + fees / 10_000)
    return {
        "token": action.coin,
        "low_price": low,
        "high_price": round(high, 4),
        "fees_bps": fees,
        "gas_usdc": gas,
    }
