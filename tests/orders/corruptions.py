"""Wrong readings of an order, one mistake each: what a reader that copies badly would write."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sentinel.orders.typed.actions import Buy, Sell
from sentinel.orders.typed.conditions import Op
from sentinel.orders.typed.order import Clause, Order

OTHER_COIN = {"WETH": "WBTC", "WBTC": "WETH"}
_REVERSED = {Op.BELOW: Op.ABOVE, Op.ABOVE: Op.BELOW, Op.AT_MOST: Op.AT_LEAST, Op.AT_LEAST: Op.AT_MOST}
_STRICTNESS = {Op.BELOW: Op.AT_MOST, Op.AT_MOST: Op.BELOW, Op.ABOVE: Op.AT_LEAST, Op.AT_LEAST: Op.ABOVE}
_DROPPED = ("when", "every", "times", "slices", "lasting")
_LIMITS = ("only_while", "reserve", "max_trade", "min_trade", "max_day", "max_cost")


def corruptions(order: Order) -> Iterator[tuple[str, Order]]:
    """(kind of mistake, the wrong order)"""
    seen = {order}
    for kind, wrong in _all(order):
        if wrong not in seen:
            seen.add(wrong)
            yield kind, wrong


def _all(order: Order) -> Iterator[tuple[str, Order]]:
    leaves = list(_leaves(order))
    numbers = [path for path, leaf in leaves if _is_number(leaf) and path[-1] != "quote"]
    for path in numbers:
        for wrong in _wrong(_at(order, path)):
            yield from _made("number changed", order, [(path, wrong)])
    for i, one in enumerate(numbers):
        for other in numbers[:i]:
            a, b = _at(order, one), _at(order, other)
            if type(a) is type(b) and a != b:
                yield from _made("numbers swapped", order, [(one, b), (other, a)])
    coins: list[tuple[Path, object]] = [
        (path, OTHER_COIN[leaf]) for path, leaf in leaves if isinstance(leaf, str) and leaf in OTHER_COIN
    ]
    for change in coins:
        yield from _made("coin swapped", order, [change])
    yield from _made("all coins swapped", order, coins)
    for kind, table in (("direction reversed", _REVERSED), ("strictness changed", _STRICTNESS)):
        for path, leaf in leaves:
            if isinstance(leaf, Op):
                yield from _made(kind, order, [(path, table[leaf])])
    yield from _clauses(order)
    for name in _LIMITS:
        if getattr(order, name) is not None:
            yield from _made("limit dropped", order, [((name,), None)])


def _clauses(order: Order) -> Iterator[tuple[str, Order]]:
    sided = [index for index, clause in enumerate(order.clauses) if isinstance(clause.action, Buy | Sell)]
    for indices in [[index] for index in sided] + ([sided] if len(sided) > 1 else []):
        clauses = [
            dataclasses.replace(clause, action=_other_side(clause)) if index in indices else clause
            for index, clause in enumerate(order.clauses)
        ]
        yield from _valid("side swapped", order, clauses)
    for index, clause in enumerate(order.clauses):
        yield from _valid("clause dropped", order, [*order.clauses[:index], *order.clauses[index + 1 :]])
        for name in _DROPPED:
            if getattr(clause, name) is not None:
                changes: list[tuple[Path, object]] = [(("clauses", index, name), None)]
                if name == "when":
                    changes.insert(0, (("clauses", index, "rearm"), False))
                yield from _made(f"{name} dropped", order, changes)


def _other_side(clause: Clause) -> Buy | Sell:
    action = clause.action
    assert isinstance(action, Buy | Sell)
    return (Sell if isinstance(action, Buy) else Buy)(action.coin, action.amount)


def _valid(kind: str, order: Order, clauses: list[Clause]) -> Iterator[tuple[str, Order]]:
    try:
        yield kind, dataclasses.replace(order, clauses=tuple(clauses))
    except ValueError:
        return


# ------------------------------------------------------------ paths into an order

Path = tuple[str | int, ...]


def _leaves(part: object, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(part, tuple):
        for index, item in enumerate(part):
            yield from _leaves(item, (*path, index))
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            if field.name != "quote" and type(part).__name__ != "Unit":
                yield from _leaves(getattr(part, field.name), (*path, field.name))
    else:
        yield path, part


def _is_number(leaf: object) -> bool:
    return isinstance(leaf, Decimal | int) and not isinstance(leaf, bool)


def _wrong(value: Decimal | int) -> Iterator[Decimal | int]:
    """A tenth of it or ten times, and a near one."""
    if isinstance(value, Decimal):
        yield from (value * 10, value / 10, value * Decimal("1.2"))
    else:
        yield from (value * 10, value + max(1, value // 10))


def _at(part: Any, path: Path) -> Any:
    for step in path:
        part = part[step] if isinstance(step, int) else getattr(part, step)
    return part


def _made(kind: str, order: Order, changes: list[tuple[Path, object]]) -> Iterator[tuple[str, Order]]:
    try:
        wrong: Any = order
        for path, value in changes:
            wrong = _changed(wrong, path, value)
    except (ValueError, ArithmeticError):
        return
    yield kind, wrong


def _changed(part: Any, path: Path, value: object) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return (*part[:step], _changed(part[step], rest, value), *part[step + 1 :])
    return dataclasses.replace(part, **{step: _changed(getattr(part, step), rest, value)})
