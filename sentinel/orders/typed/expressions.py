"""The expressions of an order: numbers with a unit, read from a situation or constant."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sentinel.core.closes import WEEK
from sentinel.core.network import Symbol

MAX_BARS = 10_080  # one minute each, for a week
MIN_BAR = 1  # second


class Kind(StrEnum):
    QUOTE = "an amount of the quote token"  # a price too: quote tokens per coin
    RATIO = "a percentage"
    COINS = "a number of coins"
    GWEI = "a gas price"
    SECONDS = "a duration"
    NUMBER = "a number"


@dataclass(frozen=True, slots=True)
class Unit:
    kind: Kind
    coin: Symbol = ""  # of COINS

    def __str__(self) -> str:
        return f"{self.kind} {self.coin}".rstrip()


QUOTE, RATIO, GWEI, SECONDS, NUMBER = map(Unit, (Kind.QUOTE, Kind.RATIO, Kind.GWEI, Kind.SECONDS, Kind.NUMBER))


# ------------------------------------------------------------ which coin


@dataclass(frozen=True, slots=True)
class Largest:
    """The coin of these whose holding is worth most."""

    coins: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class FirstHeld:
    """The first of these coins that is held at all."""

    coins: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Best:
    """The coin of these whose price rose most over `ago` seconds; the first of equal ones."""

    coins: tuple[Symbol, ...]
    ago: int


Coin = Symbol | Largest | FirstHeld | Best


def named(coin: Coin) -> tuple[Symbol, ...]:
    """All coins that `coin` may be."""
    return (coin,) if isinstance(coin, str) else coin.coins


# ------------------------------------------------------------ read from the situation


@dataclass(frozen=True, slots=True)
class Price:
    coin: Coin


@dataclass(frozen=True, slots=True)
class PriceAgo:
    """The last close at or before `ago` seconds ago."""

    coin: Coin
    ago: int


@dataclass(frozen=True, slots=True)
class PriceWhenSet:
    """The price when the order was approved."""

    coin: Coin


@dataclass(frozen=True, slots=True)
class Change:
    """price / price `ago` seconds ago - 1."""

    coin: Coin
    ago: int


@dataclass(frozen=True, slots=True)
class Entry:
    """Average cost of the coins held."""

    coin: Coin


@dataclass(frozen=True, slots=True)
class High:
    """Highest close since the position was opened, the price now included."""

    coin: Coin


@dataclass(frozen=True, slots=True)
class Profit:
    """What the holding is worth above its average cost."""

    coin: Coin


class Statistic(StrEnum):
    MEAN = "mean"
    HIGHEST = "highest"
    LOWEST = "lowest"
    RSI = "RSI"


@dataclass(frozen=True, slots=True)
class Window:
    """A statistic of `bars` closes, `bar` seconds apart. The newest is the price now, or with `earlier` one bar ago.

    RSI: Wilder's, of `bars` changes, its averages smoothed over `RSI_WARM_UP` times as many.
    """

    statistic: Statistic
    coin: Coin
    bars: int
    bar: int
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Weight:
    """The share of these coins in all that is held, or in the coins of `among`."""

    coins: tuple[Symbol, ...]
    among: tuple[Symbol, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """Whole coins held."""

    coin: Symbol


@dataclass(frozen=True, slots=True)
class Value:
    """What the holding is worth in quote tokens."""

    coin: Coin


class Fact(StrEnum):
    """What has no coin; the value is its name in a reading."""

    GAS_PRICE = "the gas price"
    SINCE_TRADE = "the time since the last trade"  # of this order; without one, longer than any duration
    SINCE_SET = "the time since the order was set"
    TRADES = "the number of trades"  # of this order
    BOUGHT_TODAY = "the amount bought today"  # since 00:00 UTC, by this order


# ------------------------------------------------------------ made of others


@dataclass(frozen=True, slots=True)
class Constant:
    value: Decimal
    unit: Unit


@dataclass(frozen=True, slots=True)
class Scaled:
    factor: Decimal
    of: Expression


@dataclass(frozen=True, slots=True)
class Sum:
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Difference:
    left: Expression
    right: Expression


Expression = (
    Price
    | PriceAgo
    | PriceWhenSet
    | Change
    | Entry
    | High
    | Profit
    | Window
    | Weight
    | Holding
    | Value
    | Fact
    | Constant
    | Scaled
    | Sum
    | Difference
)
RSI_WARM_UP = 10

_FACTS = {
    Fact.GAS_PRICE: GWEI,
    Fact.SINCE_TRADE: SECONDS,
    Fact.SINCE_SET: SECONDS,
    Fact.TRADES: NUMBER,
    Fact.BOUGHT_TODAY: QUOTE,
}


def unit(expression: Expression) -> Unit:
    """The unit of an expression. Raises ValueError if it has none: its parts differ."""
    match expression:
        case Fact():
            return _FACTS[expression]
        case Constant():
            return expression.unit
        case Change() | Weight():
            return RATIO
        case Window(statistic=Statistic.RSI):
            return NUMBER
        case Holding(coin):
            return Unit(Kind.COINS, coin)
        case Scaled(_, of):
            return unit(of)
        case Sum(left, right) | Difference(left, right):
            return same_unit(left, right)
        case _:
            return QUOTE


def same_unit(left: Expression, right: Expression) -> Unit:
    """Raises ValueError if the units differ."""
    a, b = unit(left), unit(right)
    if a != b:
        raise ValueError(f"{a} cannot be compared with or added to {b}")
    return a


def seconds_back(bars: int, bar: int, statistic: Statistic, *, earlier: bool) -> int:
    """How far back a window reads, in seconds."""
    count = bars * RSI_WARM_UP + 1 if statistic is Statistic.RSI else bars
    return (count - 1 + earlier) * bar


def require_window(window: Window) -> None:
    """Raises ValueError if it is longer than the closes that are kept, or no window at all."""
    if not 1 <= window.bars <= MAX_BARS or window.bar < MIN_BAR:
        raise ValueError(f"a window has 1 to {MAX_BARS} closes, at least {MIN_BAR} second apart")
    if seconds_back(window.bars, window.bar, window.statistic, earlier=window.earlier) > WEEK:
        raise ValueError("a window reads at most 7 days back")
