"""What an exact quote found worth doing, as the student's tools are told it."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.core.network import Symbol


@dataclass(frozen=True, slots=True)
class CycleQuote:
    """Whole units of the token that the cycle starts and ends with."""

    amount: float
    profit: float  # after gas
    buy: str  # venue labels
    sell: str


@dataclass(frozen=True, slots=True)
class RouteQuote:
    """The way from the first token to the last, and whole units of the last, fees taken."""

    tokens: tuple[Symbol, ...]
    venues: tuple[str, ...]  # labels, one a hop
    out: float


@dataclass(frozen=True, slots=True)
class LoopQuote:
    """A closed route over two or three venues; whole units of the token that it starts and ends with."""

    tokens: tuple[Symbol, ...]
    venues: tuple[str, ...]  # labels, one a hop
    amount: float
    profit: float  # after gas
