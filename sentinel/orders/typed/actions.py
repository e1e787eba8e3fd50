"""The actions of an order: what is traded, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sentinel.core.network import Symbol
from sentinel.orders.typed.expressions import Coin


@dataclass(frozen=True, slots=True)
class Worth:
    """So many quote tokens, or coins worth as much."""

    quote: Decimal


@dataclass(frozen=True, slots=True)
class Coins:
    """So many whole coins: of the coin that is bought, or of the one that is sold."""

    number: Decimal


@dataclass(frozen=True, slots=True)
class Share:
    """A fraction of what is held of the token that is spent, above the reserve; 1 is all of it."""

    fraction: Decimal


Amount = Worth | Coins | Share


@dataclass(frozen=True, slots=True)
class Buy:
    coin: Coin
    amount: Amount


@dataclass(frozen=True, slots=True)
class Sell:
    coin: Coin
    amount: Amount


@dataclass(frozen=True, slots=True)
class Exchange:
    """Sell one coin for another."""

    sold: Coin
    bought: Coin
    amount: Amount


class Way(StrEnum):
    """How far a rebalance goes."""

    TARGET = "to"
    HALF = "half way to"
    EDGE = "to the edge of"


@dataclass(frozen=True, slots=True)
class Rebalance:
    """Trade the coin that is farthest from its target against the quote token, once it is off by more than the band.

    Weights are shares of everything held, or of the coins named if `alone`; then, without the quote token among them,
    the coin most above its target is swapped for the one most below. If the quote tokens do not suffice for a buy, the
    coin most above its target is sold first if it is off by more than the band; else what can be spent is spent.
    """

    weights: tuple[tuple[Symbol, Decimal], ...]
    band: Decimal  # share of the total, not of the target
    inclusive: bool = False  # off by exactly the band counts too
    way: Way = Way.TARGET
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Trim:
    """Sell the first held of these coins until together they are at most this share of everything held."""

    coins: tuple[Symbol, ...]
    share: Decimal


@dataclass(frozen=True, slots=True)
class Arbitrage:
    """A round trip from the quote token over two venues, with a least profit: quote tokens, or a share of the input."""

    coin: Symbol
    amount: Worth | Share  # of the quote token
    profit: Worth | Share


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing, and try no later clause."""


Action = Buy | Sell | Exchange | Rebalance | Trim | Arbitrage | Wait
