"""The interfaces through which the tools use the DEX: exact quotes, and final actions from allow-lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sentinel.core.actions import Action
from sentinel.core.market_state import MarketState
from sentinel.core.network import Symbol
from sentinel.core.quotes import CycleQuote, LoopQuote, RouteQuote


class Quoter(Protocol):
    """Exact quotes at one state, in whole tokens. Venues are named by label ("v2", "v3-500"). Raises QuoteError."""

    def venues(self, state: MarketState, token_in: Symbol, token_out: Symbol) -> Sequence[str]: ...

    def quote(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str) -> float: ...

    def best_venue(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> str: ...

    def best_cycle(self, state: MarketState, token: Symbol, via: Symbol, max_amount: float) -> CycleQuote | None: ...

    def best_loop(self, state: MarketState, token: Symbol, max_amount: float) -> LoopQuote | None: ...

    def best_split(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> Sequence[str]: ...

    def best_route(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> RouteQuote: ...

    def depth(self, state: MarketState, token_in: Symbol, token_out: Symbol, venue: str, bps: float) -> float: ...

    def impact(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str) -> float: ...

    def gas_cost(self, state: MarketState) -> float: ...


class Builder(Protocol):
    """Builds final actions from allow-lists and sets their min_out and deadline. Raises ActionFault or QuoteError."""

    def swap(
        self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str | list[str]
    ) -> Action: ...

    def route(self, state: MarketState, tokens: list[Symbol], amount: float, venues: list[str]) -> Action: ...

    def cycle(
        self, state: MarketState, token: Symbol, via: Symbol, amount: float, venue_in: str, venue_out: str
    ) -> Action: ...

    def approve(self, state: MarketState, token: Symbol, amount: float | str) -> Action: ...

    def hold(self, reason: str) -> Action: ...
