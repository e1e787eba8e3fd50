"""The conditions of an order."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sentinel.orders.typed.expressions import Coin, Expression


class Op(StrEnum):
    BELOW = "below"
    AT_MOST = "at most"
    ABOVE = "above"
    AT_LEAST = "at least"

    @property
    def holds(self) -> Callable[[Any, Any], bool]:
        return _OPERATORS[self]


_OPERATORS: dict[Op, Callable[[Any, Any], bool]] = {
    Op.BELOW: operator.lt,
    Op.AT_MOST: operator.le,
    Op.ABOVE: operator.gt,
    Op.AT_LEAST: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Compare:
    left: Expression
    op: Op
    right: Expression


@dataclass(frozen=True, slots=True)
class Streak:
    """`closes` steps between closes `bar` seconds apart, each strictly up (or down); the newest close is now."""

    coin: Coin
    closes: int
    bar: int
    rising: bool


@dataclass(frozen=True, slots=True)
class ClosesBeyond:
    """Each of the last `closes` closes, `bar` seconds apart, the price now included, is on this side of the level."""

    coin: Coin
    closes: int
    bar: int
    op: Op
    level: Expression


@dataclass(frozen=True, slots=True)
class Judgement:
    """The student says at each block whether this is so (`judgements.py`)."""

    phrase: str  # in the operator's own words


@dataclass(frozen=True, slots=True)
class All:
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    of: Condition


Condition = Compare | Streak | ClosesBeyond | Judgement | All | Either | Not
