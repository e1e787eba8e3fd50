"""Whether the conditions of an order can hold together, as far as constants say."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Op
from sentinel.orders.typed.expressions import Constant, Expression, Price
from sentinel.orders.typed.order import Order


def can_trade(order: Order) -> bool:
    """Whether each clause has values of what it compares at which it trades; only comparisons with constants count."""
    return all(_can_hold([*_bounds(clause.when), *_bounds(order.only_while)]) for clause in order.clauses)


def _bounds(condition: Condition | None) -> Iterator[tuple[Expression, Op, Decimal]]:
    match condition:
        case All(of):
            for one in of:
                yield from _bounds(one)
        case Compare(left, op, Constant(value)):
            yield left, op, value
        case ClosesBeyond(coin, _, _, op, Constant(value)):
            yield Price(coin), op, value  # the newest close is the price


def _can_hold(bounds: list[tuple[Expression, Op, Decimal]]) -> bool:
    for left in {left for left, _, _ in bounds}:
        over = [value for of, op, value in bounds if of == left and op in (Op.ABOVE, Op.AT_LEAST)]
        under = [value for of, op, value in bounds if of == left and op in (Op.BELOW, Op.AT_MOST)]
        if over and under and max(over) >= min(under):
            return False
    return True
