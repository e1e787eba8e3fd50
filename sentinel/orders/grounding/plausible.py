"""Orders that can be carried out and that no operator means: a mistake of whoever wrote the reading."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sentinel.orders.typed.actions import Action, Arbitrage, Rebalance, Share
from sentinel.orders.typed.conditions import All, Compare, Condition, Either, Op
from sentinel.orders.typed.expressions import (
    Change,
    Constant,
    Entry,
    Expression,
    Fact,
    High,
    Price,
    Scaled,
    Statistic,
    Sum,
    Window,
)
from sentinel.orders.typed.order import Order

MAX_PROFIT = Decimal("0.05")  # of an arbitrage, as a share of its input
_UP = (Op.ABOVE, Op.AT_LEAST)


def implausible(order: Order) -> Iterator[str]:
    """What is odd about the order, a clause of a sentence each."""
    for clause in order.clauses:
        yield from _action(clause.action)
        for compare in _compares(clause.when):
            yield from _compare(compare)
    for compare in _compares(order.only_while):
        yield from _compare(compare)


def _action(action: Action) -> Iterator[str]:
    match action:
        case Rebalance(weights, band) if band >= max(weight for _, weight in weights):
            yield "its band is wider than its weights"
        case Arbitrage(_, _, Share(fraction)) if fraction > MAX_PROFIT:
            yield "no arbitrage pays so much"
        case _:
            pass


def _compares(condition: Condition | None) -> Iterator[Compare]:
    match condition:
        case All(of) | Either(of):
            for one in of:
                yield from _compares(one)
        case Compare():
            yield condition
        case _:
            pass


def _compare(compare: Compare) -> Iterator[str]:
    rising = compare.op in _UP
    match compare.left, compare.right:
        case Fact.SINCE_TRADE, Constant() if not rising:
            yield "it trades only soon after a trade"
        case Fact.GAS_PRICE, Constant() if rising:
            yield "it trades only while gas is expensive"
        case Change(), Constant(value) if value and rising is not (value > 0):
            yield "its change holds nearly always"
        case Price(), Scaled(factor, of) if _is_reference(of) and rising is not (factor > 1):
            yield "its distance holds nearly always"
        case Price(), Sum(
            Scaled(low, Window(Statistic.LOWEST) as bottom), Scaled(high, Window(Statistic.HIGHEST) as top)
        ):
            same = (bottom.bars, bottom.bar, bottom.coin) == (top.bars, top.bar, top.coin)
            if low + high != 1 or not same:
                yield "it is no part of one range"
            elif rising is not (high > low):
                yield "its part of the range holds nearly always"
        case _:
            pass


def _is_reference(of: Expression) -> bool:
    return isinstance(of, Entry | High) or (isinstance(of, Window) and of.statistic is Statistic.MEAN)
