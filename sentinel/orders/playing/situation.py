"""What the player of an order looks at: the market at one block, and what the order itself has done so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from sentinel.core.closes import CloseSeries
from sentinel.core.network import Symbol
from sentinel.orders.typed.expressions import Window


@dataclass(frozen=True, slots=True)
class Fill:
    """One confirmed trade of the order."""

    time: int  # chain time of its block in seconds
    clause: int  # index of the clause that it carried out


@dataclass(frozen=True, slots=True)
class Position:
    """What is known about coins that are held."""

    entry: Decimal  # average cost in quote tokens per coin
    high: Decimal  # highest close since the position was opened, in quote tokens per coin


@dataclass(frozen=True, slots=True)
class Gap:
    """Expected profit of a round trip over two venues."""

    amount: Decimal  # input in quote tokens
    profit: Decimal  # in quote tokens, fees and gas taken
    buy: str = ""  # the labels of the two venues
    sell: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """Prices in quote tokens per coin, holdings in whole coins, the quote token among them. Times are chain seconds."""

    time: int
    prices: Mapping[Symbol, Decimal]
    holdings: Mapping[Symbol, Decimal]
    gas_price: Decimal | None = None  # gwei; None if unknown
    closes: Mapping[Symbol, CloseSeries] = field(default_factory=dict)
    positions: Mapping[Symbol, Position] = field(default_factory=dict)
    set_at: int = 0  # when the order was approved
    set_prices: Mapping[Symbol, Decimal] = field(default_factory=dict)  # prices at that time
    fills: tuple[Fill, ...] = ()  # oldest first
    rearmed: frozenset[int] = frozenset()  # clauses whose condition has been false since their last fill
    stated: Mapping[Window, Decimal] = field(default_factory=dict)  # values that are given and not computed
    bought_today: Decimal = Decimal(0)  # quote tokens that the order spent on buys since 00:00 UTC
    windows: dict[Window, Decimal] = field(default_factory=dict, init=False, compare=False)  # computed already
    judgements: Mapping[str, bool] = field(default_factory=dict)  # the student's answers by phrase; none for the player
    gap: Callable[[Symbol, Decimal], Gap | None] = lambda token, amount: None  # best round trip; None: not known
