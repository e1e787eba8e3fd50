"""What one part of an order needs in the operator's words: numbers in some measure, and terms."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from sentinel.core.network import Symbol
from sentinel.orders.grounding.said import NO_COIN, Measure
from sentinel.orders.grounding.terms import Term
from sentinel.orders.typed.conditions import Op


class Role(Enum):
    """What a number does in its clause."""

    LEVEL = auto()
    SIZE = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Target:
    """A number that stands in the words, in one of these measures."""

    measures: frozenset[Measure]
    value: Decimal
    coin: Symbol = NO_COIN  # of COINS
    loose: bool = False  # only if the words count in percent somewhere
    single: bool = False  # no interval: neither 'hourly' nor 'every 2 hours'


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ground a need: all parts stand in the words. `note`: what it takes for granted, for the read-back."""

    parts: tuple[Target | Term, ...]
    note: str = ""


Ways = tuple[Way, ...]
OF_COIN = frozenset({Measure.BARE})  # '6 of my ether', with the coin


@dataclass(frozen=True, slots=True)
class Need:
    """It is grounded by the first of its ways that the words have."""

    what: str
    ways: Ways
    role: Role = Role.OTHER
    op: Op | None = None  # of a LEVEL: how it is compared
    price: bool = False  # a LEVEL of the price itself, in quote tokens
    clause: int | None = None


def default(note: str) -> Ways:
    """Grounded by no words at all."""
    return (Way((), note),)


def term(named: Term) -> Ways:
    return (Way((named,)),)


def both(first: Ways, second: Ways) -> Ways:
    """Each way of the one with each of the other."""
    return tuple(Way(a.parts + b.parts, a.note or b.note) for a in first for b in second)


def noted(ways: Ways, note: str) -> Ways:
    return tuple(Way(way.parts, note) for way in ways)


# ------------------------------------------------------------ numbers


def in_measure(value: Decimal, *measures: Measure) -> Ways:
    return (Way((Target(frozenset(measures), value),)),)


def money(value: Decimal) -> Ways:
    """A bare sum is one of quote tokens."""
    return in_measure(value, Measure.QUOTE, Measure.BARE)


def coins(value: Decimal, coin: Symbol) -> Ways:
    return (Way((Target(frozenset({Measure.COINS}), value, coin),)), Way((Target(OF_COIN, value, coin),)))


def ratio(value: Decimal) -> Ways:
    value = abs(value)
    return *in_measure(value, Measure.RATIO), Way((Target(frozenset({Measure.BARE}), value * 100, loose=True),))


def weight(value: Decimal, coin: Symbol = NO_COIN) -> Ways:
    """A share as weights are said: 60/40, 'twenty cash'."""
    whole = value * 100
    return (
        *in_measure(value, Measure.RATIO),
        *in_measure(whole, Measure.BARE, Measure.QUOTE),
        *(coins(whole, coin) if coin else ()),
    )


def count(value: int) -> Ways:
    return in_measure(Decimal(value), Measure.COUNT, Measure.BARE)


def seconds(value: int, block_seconds: int, *, single: bool = False) -> Ways:
    """Said in a unit of time or in blocks. `single`: a time that passes once, and no interval."""
    targets = [Target(frozenset({Measure.SECONDS}), Decimal(value), single=single)]
    if value % block_seconds == 0:
        targets.append(Target(frozenset({Measure.BLOCKS}), Decimal(value // block_seconds), single=single))
    return tuple(Way((target,)) for target in targets)
