"""Four market situations of an order, close to its thresholds and on both sides of them, labelled by the player.

A situation is drawn at random around what the order compares; then the price of a coin is moved to just before or just
beyond the point at which one of the order's conditions turns.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import zip_longest

from sentinel.distill.evaluation.labelled_orders import LabelledSituation
from sentinel.distill.orders.market_facts import Facts, drawn_facts, moved
from sentinel.distill.orders.order_parts import parts
from sentinel.distill.orders.quantities import Unsayable
from sentinel.orders.language.reading import Ask, Reading
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.situation_values import Unknown, evaluate
from sentinel.orders.playing.trades import Side
from sentinel.orders.typed.actions import Rebalance, Trim
from sentinel.orders.typed.conditions import Compare
from sentinel.orders.typed.expressions import Change, Coin, Price, Profit, Statistic, Value, Window, named
from sentinel.orders.typed.order import Order

COUNT = 4
TRIES = 160
SMALLEST = 1  # quote tokens; a label on less would be about the rest of a holding
ENOUGH = 10  # tries, once there are trades and holds
_HALVINGS = 20


def situations(reading: Reading, rng: random.Random) -> tuple[dict[str, object], ...]:
    """Facts with what is right to do. Raises Unsayable for an order of which no trade, or no hold, was found."""
    if not isinstance(reading, Order):
        action = "ambiguous" if isinstance(reading, Ask) else "cannot"
        return tuple({**drawn_facts(None, rng), "expect": {"action": action}} for _ in range(COUNT))
    if reading.judgements:
        return tuple(_held(reading, rng))
    acts: dict[str, list[dict[str, object]]] = {}  # by what happens, numbers apart
    holds: dict[str, list[dict[str, object]]] = {}
    for tried, (facts, done) in enumerate(_candidates(reading, rng)):
        if done.trade is not None and done.trade.worth < SMALLEST:
            continue
        kept = holds if done.trade is None else acts
        kept.setdefault(f"{done.clause} {_masked(done.why)}", []).append({**facts, "expect": _label(reading, done)})
        if tried >= ENOUGH and min(_count(acts), _count(holds)) >= 2:
            break
    return _four(_varied(acts, rng), _varied(holds, rng), rng)


def _held(order: Order, rng: random.Random) -> Iterator[dict[str, object]]:
    """Situations of an order that the student alone can trade: its player holds, and no reader is wrong with it."""
    for _ in range(COUNT):
        facts = drawn_facts(order, rng)
        done = play(order, _situation(facts, order))
        if done.trade is not None:
            raise Unsayable("its player trades without the student")
        yield {**facts, "expect": _label(order, done)}


def _count(found: dict[str, list[dict[str, object]]]) -> int:
    return sum(map(len, found.values()))


def _varied(found: dict[str, list[dict[str, object]]], rng: random.Random) -> list[dict[str, object]]:
    """One of each outcome, then a second of each, and so on."""
    kinds = list(found.values())
    rng.shuffle(kinds)
    return [facts for row in zip_longest(*kinds) for facts in row if facts is not None]


def _four(
    acts: list[dict[str, object]], holds: list[dict[str, object]], rng: random.Random
) -> tuple[dict[str, object], ...]:
    if not acts or not holds or len(acts) + len(holds) < COUNT:
        raise Unsayable("no four situations were found")
    trades = max(min(len(acts), rng.choice((1, 2, 2, 2, 3))), COUNT - len(holds))
    chosen = [*acts[:trades], *holds[: COUNT - trades]]
    rng.shuffle(chosen)
    return tuple(chosen)


def _candidates(order: Order, rng: random.Random) -> Iterator[tuple[Facts, Play]]:
    compared = list(parts(order, Compare))
    for _ in range(TRIES):
        facts = drawn_facts(order, rng)
        at = _situation(facts, order)
        if compared and rng.random() < 0.85:
            coin, price = _at_the_edge(rng.choice(compared), at, rng)
            if price is not None:
                facts = moved(facts, coin, price)
                at = _situation(facts, order)
        yield facts, play(order, at)


def _situation(facts: Facts, order: Order) -> Situation:
    return LabelledSituation.model_validate({**facts, "expect": {"action": "hold"}}).facts(order)


def _masked(why: str) -> str:
    return re.sub(r"[\d.,]+", "#", why)


def _label(order: Order, done: Play) -> dict[str, object]:
    if (trade := done.trade) is None:
        return {"action": "hold", "why": done.why}
    coin = trade.bought if trade.side in (Side.BUY, Side.ARBITRAGE) else trade.sold
    clause = order.clauses[done.clause or 0]
    return {
        "action": trade.side.value,
        "token": coin,
        "amount_usdc": float(round(trade.worth, 4)),
        "tolerance_pct": 3 if isinstance(clause.action, Rebalance | Trim) else 1,
        "why": done.why,
    }


# ------------------------------------------------------------ at the edge of a condition


def _at_the_edge(compare: Compare, at: Situation, rng: random.Random) -> tuple[str, Decimal | None]:
    """A coin, and its price a little before or beyond the point at which the comparison turns; None: it never does."""
    coins = sorted({coin for found in _coins(compare) for coin in named(found)})
    if not coins:
        return "", None
    coin = rng.choice(coins)
    near = Decimal(repr(rng.choice((-1, 1)) * rng.choice((0.0004, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03))))
    turn = _turn(compare, coin, at)
    return coin, None if turn is None else turn * (1 + near)


def _coins(compare: Compare) -> Iterator[Coin]:
    """Those whose price moves a side of the comparison."""
    priced: list[Price | Profit | Change | Value] = [*parts(compare, Price), *parts(compare, Profit)]
    yield from (part.coin for part in [*priced, *parts(compare, Change), *parts(compare, Value)])
    yield from (window.coin for window in parts(compare, Window) if window.statistic is not Statistic.RSI)


def _turn(compare: Compare, coin: str, at: Situation) -> Decimal | None:
    """The price of the coin at which left and right are equal, by halving; None if there is none near."""
    low, high = at.prices[coin] / 3, at.prices[coin] * 3

    def above(price: Decimal) -> bool | None:
        moved_to = replace(at, prices={**at.prices, coin: price})
        try:
            return evaluate(compare.left, moved_to) > evaluate(compare.right, moved_to)
        except Unknown:
            return None

    first, last = above(low), above(high)
    if first is None or last is None or first == last:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) == first else (low, middle)
    return high
