"""What the tools need of the DEX side: exact quotes, and final actions from allow-lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sentinel.core.actions import Action
from sentinel.core.market_state import MarketState
from sentinel.core.network import Symbol


class Cycle(Protocol):
    """A closed cycle worth taking, in whole units of the token that it starts and ends with."""

    @property
    def amount(self) -> float: ...

    @property
    def profit(self) -> float:
        """After gas."""
        ...

    @property
    def buy(self) -> str: ...

    @property
    def sell(self) -> str: ...


class Way(Protocol):
    """A route: tokens from first to last, one venue label a hop, and whole units of the last token."""

    @property
    def tokens(self) -> Sequence[Symbol]: ...

    @property
    def venues(self) -> Sequence[str]: ...

    @property
    def out(self) -> float: ...


class Loop(Protocol):
    """A closed route worth taking: tokens from first to first again, a venue label a hop, whole units of the token."""

    @property
    def tokens(self) -> Sequence[Symbol]: ...

    @property
    def venues(self) -> Sequence[str]: ...

    @property
    def amount(self) -> float: ...

    @property
    def profit(self) -> float:
        """After gas."""
        ...


class Quoter(Protocol):
    """Exact quotes at one state; whole tokens, venues by label ("v2", "v3-500"). Raises QuoteError."""

    def venues(self, state: MarketState, token_in: Symbol, token_out: Symbol) -> Sequence[str]: ...

    def quote(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str) -> float: ...

    def best_venue(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> str: ...

    def best_cycle(self, state: MarketState, token: Symbol, via: Symbol, max_amount: float) -> Cycle | None: ...

    def best_loop(self, state: MarketState, token: Symbol, max_amount: float) -> Loop | None: ...

    def best_split(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> Sequence[str]: ...

    def best_route(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> Way: ...

    def depth(self, state: MarketState, token_in: Symbol, token_out: Symbol, venue: str, bps: float) -> float: ...

    def impact(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str) -> float: ...

    def gas_cost(self, state: MarketState) -> float: ...


class Builder(Protocol):
    """Final actions from allow-lists, with min_out and deadline of its own. Raises ActionFault or QuoteError."""

    def swap(
        self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str | list[str]
    ) -> Action: ...

    def route(self, state: MarketState, tokens: list[Symbol], amount: float, venues: list[str]) -> Action: ...

    def cycle(
        self, state: MarketState, token: Symbol, via: Symbol, amount: float, venue_in: str, venue_out: str
    ) -> Action: ...

    def approve(self, state: MarketState, token: Symbol, amount: float) -> Action: ...

    def hold(self, reason: str) -> Action: ...
