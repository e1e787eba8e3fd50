"""Results of exact quotes, as the student's tools receive them."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.core.network import Symbol


@dataclass(frozen=True, slots=True)
class CycleQuote:
    """A closed cycle over two pools. Amounts are whole units of the token that it starts and ends with."""

    amount: float
    profit: float  # after gas
    buy: str  # venue labels
    sell: str


@dataclass(frozen=True, slots=True)
class RouteQuote:
    """A route, and its output after fees in whole units of the last token."""

    tokens: tuple[Symbol, ...]
    venues: tuple[str, ...]  # labels, one a hop
    out: float


@dataclass(frozen=True, slots=True)
class LoopQuote:
    """A closed route over two or three pools. Amounts are whole units of the token that it starts and ends with."""

    tokens: tuple[Symbol, ...]
    venues: tuple[str, ...]  # labels, one a hop
    amount: float
    profit: float  # after gas
