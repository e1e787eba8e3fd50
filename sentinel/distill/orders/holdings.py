"""Holdings that an order meets: enough for its trades, or close to the shares of the whole that it names."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from sentinel.distill.orders.order_parts import parts
from sentinel.distill.orders.quantities import COINS, QUOTE
from sentinel.orders.typed.actions import Buy, Coins, Exchange, Rebalance, Sell, Trim, Worth
from sentinel.orders.typed.conditions import Compare
from sentinel.orders.typed.expressions import RATIO, Constant, Weight, named
from sentinel.orders.typed.order import Order


def held(order: Order, prices: dict[str, float], rng: random.Random) -> dict[str, float]:
    """Whole coins and quote tokens."""
    weights = _near_weights(order, rng)
    need = _need(order, prices)
    total = max(need * rng.uniform(1.3, 12), 400) if weights is None else max(need * 3, rng.uniform(2_000, 60_000))
    if weights is None:
        weights = {coin: rng.uniform(0.15, 1) for coin in (*COINS, QUOTE)}
        for coin in weights:
            if rng.random() < 0.08:
                weights[coin] = 0.0
        if len(list(parts(order.clauses, Buy))) and rng.random() < 0.12:
            weights[QUOTE] = 0.01
    held = spread(prices, weights, total, rng)
    if order.reserve is not None and rng.random() < 0.6:
        sizes = [float(size.quote) for size in parts(order.clauses, Worth)] or [50.0]
        held[QUOTE] = round(float(order.reserve) + rng.choice((*sizes, 0.5, 50, 2_000)) * rng.choice((0.99, 1.01)), 2)
    return held


def spread(prices: dict[str, float], weights: dict[str, float], total: float, rng: random.Random) -> dict[str, float]:
    """A total in quote tokens as coins, by weights."""
    whole = sum(weights.values()) or 1
    found = {coin: rounded(total * weights[coin] / whole / prices[coin], 6) for coin in COINS}
    return {**found, QUOTE: round(total * weights[QUOTE] / whole, 2)}


def _need(order: Order, prices: dict[str, float]) -> float:
    """The largest sum in quote tokens that a clause trades."""
    sizes = [200.0]
    sizes += [float(size.quote) for size in parts(order.clauses, Worth)]
    actions: list[Buy | Sell | Exchange] = [*parts(order.clauses, Buy), *parts(order.clauses, Sell)]
    for action in [*actions, *parts(order.clauses, Exchange)]:
        if isinstance(action.amount, Coins):
            coin = named(action.sold if isinstance(action, Exchange) else action.coin)[0]
            sizes.append(float(action.amount.number) * prices[coin])
    return max(sizes) * 3 + float(order.reserve or 0)


def _near_weights(order: Order, rng: random.Random) -> dict[str, float] | None:
    """Weights a little before or beyond a share that the order names; None if it names none."""
    step = rng.choice((-1, 1)) * rng.choice((0.002, 0.005, 0.01, 0.02, 0.05))
    for action in parts(order.clauses, Rebalance):
        off = rng.choice((-1, 1)) * (float(action.band) + step * (0.3 if action.band else 3))
        return _tilted(action, off, rng)
    for trim in parts(order.clauses, Trim):
        return _of_share(trim.coins, float(trim.share) + step, rng)
    weighed = [
        (compare.left.coins, float(constant.value))
        for compare in parts(order, Compare)
        if isinstance(compare.left, Weight)
        for constant in parts(compare.right, Constant)
        if constant.unit == RATIO
    ]
    if weighed:
        coins, share = rng.choice(weighed)
        return _of_share(coins, share + step, rng)
    if order.max_shares and rng.random() < 0.7:
        coin, most = rng.choice(order.max_shares)
        return _of_share((coin,), float(most) - rng.choice((0.001, 0.02, 0.1, 0.3)), rng)
    return None


def _tilted(action: Rebalance, off: float, rng: random.Random) -> dict[str, float]:
    """The target weights with one coin off by so much, the others in proportion."""
    target = {coin: float(weight) for coin, weight in action.weights}
    coin = rng.choice([coin for coin in target if coin != QUOTE])
    if action.alone:
        share = min(max(target[coin] + off, 0.0), 1.0)
        other = next(one for one in target if one != coin)
        return {coin: share, other: 1 - share, QUOTE: rng.uniform(0, 1)}
    if QUOTE not in target:
        target[QUOTE] = 1 - sum(target.values())
    rest = {one: weight for one, weight in target.items() if one != coin}
    share = min(max(target[coin] + off, 0.0), 1.0)
    whole = sum(rest.values()) or 1
    return {**dict.fromkeys((*COINS, QUOTE), 0.0), coin: share, **{o: (1 - share) * w / whole for o, w in rest.items()}}


def _of_share(coins: Sequence[str], share: float, rng: random.Random) -> dict[str, float]:
    share = min(max(share, 0.0), 1.0)
    rest = [coin for coin in (*COINS, QUOTE) if coin not in coins]
    inside, outside = [rng.uniform(0, 1) for _ in coins], [rng.uniform(0.2, 1) for _ in rest]
    return {
        **{coin: share * part / sum(inside) for coin, part in zip(coins, inside, strict=True)},
        **{coin: (1 - share) * part / sum(outside) for coin, part in zip(rest, outside, strict=True)},
    }


def rounded(value: float, digits: int = 5) -> float:
    """To significant digits."""
    return round(value, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0.0
