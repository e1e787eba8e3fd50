"""Thresholds that an action and the limits have beside the conditions: bands, caps, funds, smallest trades."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import reduce

from sentinel.core.network import Symbol
from sentinel.orders.battery.solving import STEP
from sentinel.orders.battery.worlds import World
from sentinel.orders.playing.coins import coins_of
from sentinel.orders.typed.actions import Arbitrage, Buy, Coins, Exchange, Rebalance, Sell, Share, Trim, Worth
from sentinel.orders.typed.conditions import Compare, Op
from sentinel.orders.typed.expressions import (
    QUOTE,
    RATIO,
    Constant,
    Expression,
    Fact,
    Holding,
    Kind,
    Price,
    Scaled,
    Sum,
    Unit,
    Value,
    Weight,
)
from sentinel.orders.typed.order import Clause, Order

ZERO = Decimal(0)


def thresholds(order: Order, clause: Clause, size: Decimal | None, *, allowing: bool = False) -> Iterator[Compare]:
    """As comparisons. `size`: quote tokens of the trade, if it is known.

    `allowing`: only those that must hold for the clause to trade at all.
    """
    match clause.action:
        case Rebalance() as action:
            yield from _bands(action, order.quote, both=not allowing)
        case Trim(coins, share):
            yield Compare(Weight(coins), Op.ABOVE, Constant(share, RATIO))
        case _:
            pass
    if not allowing:
        yield from _funds(order, clause)
        if size is not None:
            yield from _limits(order, clause, size)


def _bands(action: Rebalance, quote: Symbol, *, both: bool) -> Iterator[Compare]:
    """Above and, with `both`, below the band of each coin."""
    among = tuple(coin for coin, _ in action.weights) if action.alone else ()
    for coin, weight in action.weights:
        if coin == quote:
            continue
        if weight + action.band < 1:
            yield Compare(Weight((coin,), among), Op.ABOVE, Constant(weight + action.band, RATIO))
        if both and weight > action.band:
            yield Compare(Weight((coin,), among), Op.BELOW, Constant(weight - action.band, RATIO))


def _funds(order: Order, clause: Clause) -> Iterator[Compare]:
    """What the size of a clause needs."""
    reserve = Constant(order.reserve or ZERO, QUOTE)
    parts = clause.slices.parts if clause.slices is not None else 1
    match clause.action:
        case Buy(coin, Worth(worth)):
            yield Compare(Value(order.quote), Op.AT_LEAST, Constant(worth / parts + reserve.value, QUOTE))
        case Buy(coin, Coins(count)):
            cost: Expression = Scaled(count / parts, Price(coin))
            yield Compare(Value(order.quote), Op.AT_LEAST, Sum(cost, reserve))
        case Buy(_, Share()) if order.reserve is not None:
            yield Compare(Value(order.quote), Op.ABOVE, reserve)
        case Sell(coin, Worth(worth)) | Exchange(coin, _, Worth(worth)):
            yield Compare(Value(coin), Op.AT_LEAST, Constant(worth / parts, QUOTE))
        case Sell(coin, Coins(count)) | Exchange(coin, _, Coins(count)) if isinstance(coin, str):
            yield Compare(Holding(coin), Op.AT_LEAST, Constant(count / parts, Unit(Kind.COINS, coin)))
        case _:
            pass


def _limits(order: Order, clause: Clause, size: Decimal) -> Iterator[Compare]:
    """The order's limits, for a trade of this size."""
    if order.max_day is not None:
        yield Compare(Fact.BOUGHT_TODAY, Op.AT_MOST, Constant(order.max_day - size, QUOTE))
    for coin, share in order.max_shares:
        yield Compare(Sum(Value(coin), Constant(size, QUOTE)), Op.AT_MOST, Scaled(share, _total(order)))
    shared = _shared(clause, order.quote)
    for limit in (order.min_trade, order.max_trade):
        if limit is not None and shared is not None:
            yield Compare(shared, Op.AT_LEAST, Constant(limit, QUOTE))


def _shared(clause: Clause, quote: Symbol) -> Expression | None:
    """The size of a clause that trades a share of a holding."""
    match clause.action:
        case Buy(_, Share(fraction)):
            return Scaled(fraction, Value(quote))
        case Sell(coin, Share(fraction)) | Exchange(coin, _, Share(fraction)):
            return Scaled(fraction, Value(coin))
        case _:
            return None


def _total(order: Order) -> Expression:
    values: list[Expression] = [Value(coin) for coin in sorted(coins_of(order))]
    return reduce(Sum, values)


# ------------------------------------------------------------ round trips


def paying(order: Order, clause: Clause, world: World, factor: Decimal = Decimal(2)) -> World:
    """With a round trip that brings so many times the least profit, if the clause is an arbitrage."""
    action = clause.action
    if not isinstance(action, Arbitrage):
        return world
    free = world.facts.get(Holding(order.quote), ZERO) - (order.reserve or ZERO)
    amount = action.amount.quote if isinstance(action.amount, Worth) else action.amount.fraction * free
    amount = amount if order.max_trade is None else min(amount, order.max_trade)
    least = action.profit.quote if isinstance(action.profit, Worth) else action.profit.fraction * amount
    return replace(world, profit=least * factor)


def paying_around(order: Order, clause: Clause, world: World) -> Iterator[World]:
    """Just below and at the least profit."""
    if isinstance(clause.action, Arbitrage):
        yield from (paying(order, clause, world, factor) for factor in (Decimal(1), 1 - STEP))
