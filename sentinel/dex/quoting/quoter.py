"""Exact quotes for the agent: in whole tokens and venue labels instead of base units and pools. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.core.amounts import to_base_units
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import MarketState, PoolState
from sentinel.core.network import Network, Pool, Symbol
from sentinel.core.quotes import CycleQuote, LoopQuote, RouteQuote
from sentinel.core.valuation import whole
from sentinel.dex.quoting import quotes
from sentinel.dex.quoting.costs import TRADE_GAS, TRADE_SIZE, cost_in, expected_gas, expected_size, leg_cost_in
from sentinel.dex.quoting.depth import depth, impact_bps
from sentinel.dex.quoting.splits import best_route, best_split
from sentinel.dex.quoting.venue_labels import find_pool, label_of, labels


@dataclass(frozen=True, slots=True)
class DexQuoter:
    """Every method raises QuoteError if a pool cannot fill the amount, ActionFault for a bad amount or venue."""

    network: Network

    def venues(self, state: MarketState, token_in: Symbol, token_out: Symbol) -> Sequence[str]:
        return labels(self.network, token_in, token_out)

    def quote(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str) -> float:
        """The output in whole `token_out` for `amount` whole `token_in`, after the pool's fee."""
        leg = quotes.leg_of(find_pool(self.network, token_in, token_out, venue), token_in)
        out = quotes.quote_leg(self.network, state.pools, leg, self._base(amount, token_in))
        return self._whole(out, token_out)

    def best_venue(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> str:
        """The label of the venue with the largest output for this amount."""
        best = quotes.best_venue(self.network, state.pools, token_in, token_out, self._base(amount, token_in))
        return label_of(self.network.pools[best.leg.pool])

    def best_split(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> Sequence[str]:
        """The labels of the venues with the largest joint output after gas; one label if a split does not pay."""
        base, cost = self._base(amount, token_in), leg_cost_in(self.network, state, token_out)
        routes = best_split(self.network, state.pools, token_in, token_out, base, cost)
        return tuple(label_of(self.network.pools[route.legs[0].pool]) for route in routes)

    def best_route(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> RouteQuote:
        """The direct route, or one over a token in between, whichever gives more after gas."""
        base, cost = self._base(amount, token_in), leg_cost_in(self.network, state, token_out)
        route, out = best_route(self.network, state.pools, token_in, token_out, base, cost)
        tokens = (token_in, *(leg.token_out for leg in route.legs))
        venues = tuple(label_of(self.network.pools[leg.pool]) for leg in route.legs)
        return RouteQuote(tokens, venues, self._whole(out, token_out))

    def best_cycle(self, state: MarketState, token: Symbol, via: Symbol, max_amount: float) -> CycleQuote | None:
        """The two venues and the amount up to `max_amount` with the largest gain; None if it does not pay its gas."""
        best = quotes.best_cycle(self.network, state.pools, token, via, self._base(max_amount, token))
        if best is None:
            return None
        gas = cost_in(self.network, state, expected_gas(best.legs), expected_size(best.legs), token)
        if gas is None or best.gain <= gas:
            return None
        return CycleQuote(
            amount=self._whole(best.amount_in, token),
            profit=self._whole(best.gain - gas, token),
            buy=label_of(self.network.pools[best.legs[0].pool]),
            sell=label_of(self.network.pools[best.legs[1].pool]),
        )

    def best_loop(self, state: MarketState, token: Symbol, max_amount: float) -> LoopQuote | None:
        """The closed route over two or three venues, and its amount up to `max_amount`, that gain the most after gas.

        None if no route pays its gas.
        """
        best: tuple[int, quotes.BestLoop] | None = None
        for loop in quotes.loops(self.network, state.pools, token, self._base(max_amount, token)):
            gas = cost_in(self.network, state, expected_gas(loop.legs), expected_size(loop.legs), token)
            if gas is not None and loop.gain > gas and (best is None or loop.gain - gas > best[0]):
                best = loop.gain - gas, loop
        if best is None:
            return None
        profit, loop = best
        return LoopQuote(
            tokens=(token, *(leg.token_out for leg in loop.legs)),
            venues=tuple(label_of(self.network.pools[leg.pool]) for leg in loop.legs),
            amount=self._whole(loop.amount_in, token),
            profit=self._whole(profit, token),
        )

    def depth(self, state: MarketState, token_in: Symbol, token_out: Symbol, venue: str, bps: float) -> float:
        """The input in whole `token_in` after which the next unit buys `bps` less than the first; see `depth.py`."""
        pool, pool_state = self._pool(state, token_in, token_out, venue)
        return self._whole(depth(pool, pool_state, token_in, bps), token_in)

    def impact(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str) -> float:
        """Distance in bps of the average price of `amount` below the venue's mid price, including the fee."""
        pool, pool_state = self._pool(state, token_in, token_out, venue)
        return impact_bps(pool, pool_state, token_in, self._base(amount, token_in))

    def gas_cost(self, state: MarketState) -> float:
        """The cost of a one-leg trade in whole quote tokens: gas, and the data fee if the chain has one.

        Raises QuoteError if a reference price is missing.
        """
        cost = cost_in(self.network, state, TRADE_GAS, TRADE_SIZE, self.network.quote)
        if cost is None:
            raise QuoteError("no reference prices gas")
        return self._whole(cost, self.network.quote)

    def _pool(self, state: MarketState, token_in: Symbol, token_out: Symbol, venue: str) -> tuple[Pool, PoolState]:
        pool = find_pool(self.network, token_in, token_out, venue)
        if (pool_state := state.pools.get(pool.name)) is None:
            raise QuoteError(f"{pool.name} was not read at this block")
        return pool, pool_state

    def _base(self, amount: float, symbol: Symbol) -> int:
        return to_base_units(amount, self.network.tokens[symbol].decimals)

    def _whole(self, amount: int, symbol: Symbol) -> float:
        return whole(amount, symbol, self.network)
