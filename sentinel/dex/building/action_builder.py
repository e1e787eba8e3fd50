"""Builds Actions from the agent's final actions, from allow-lists alone; sets min_out and the deadline. Pure.

The model's values arrive here as plain Python values. Only token symbols of the network file, venue labels and one
amount pass. Anything else raises ActionFault with a short message that the model may read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil

from sentinel.core import gas
from sentinel.core.actions import Approve, HoldAction, Leg, Route, Swap
from sentinel.core.amounts import printable, to_base_units
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import MarketState
from sentinel.core.network import COIN_LEGS, NATIVE, Network, Symbol
from sentinel.core.units import BPS, PIPS
from sentinel.core.valuation import convert, rate
from sentinel.dex.building.router import shares_of_min_out
from sentinel.dex.quoting.costs import cost_in, expected_gas, expected_size
from sentinel.dex.quoting.quotes import leg_of, quote_route, quote_routes, unwrap_leg, wrap_leg
from sentinel.dex.quoting.splits import split
from sentinel.dex.quoting.venue_labels import find_pool

REFERENCE_SLACK_PIPS = 10_000  # 1 %: how far a swap may be below the reference price after the pool's fee
REASON = 80  # maximum characters of a hold's reason
MOST = 4  # maximum venues of one trade


@dataclass(frozen=True, slots=True)
class ActionBuilder:
    """Every method raises ActionFault if its arguments are no allowed action or the market cannot fill it."""

    network: Network
    slippage_bps: int = 50  # distance of min_out below the quote at the head
    deadline_s: int = 120  # seconds from the head's timestamp
    min_profit: int = 0  # minimum gain of a closed cycle after gas, base units of the quote token
    max_approval: Mapping[Symbol, int] = field(default_factory=dict)  # base units; no entry: no approval

    def swap(
        self, state: MarketState, token_in: Symbol, token_out: Symbol, amount_whole: object, venue: object
    ) -> Swap:
        """Sell exactly `amount_whole` whole tokens in one venue, or with the best shares over a list of venues.

        min_out = max(quote x (1 - slippage), reference x (1 - pool fee - 1 %)), or the first term if a reference price
        is missing.
        """
        several = isinstance(venue, list | tuple)
        named = [*venue] if isinstance(venue, list | tuple) else [venue]
        if not 0 < len(named) <= MOST or (several and len(named) != len({str(label) for label in named})):
            raise ActionFault(f"a split names 1 to {MOST} different venues")
        legs = [self._leg(token_in, token_out, label) for label in named]
        amount = self._affordable(state, token_in, amount_whole)
        try:
            shared = (Route((legs[0],), amount),) if len(legs) == 1 else split(self.network, state.pools, legs, amount)
        except QuoteError as error:
            raise ActionFault("the pools cannot fill this amount") from error
        return self._fair(state, shared)

    def route(self, state: MarketState, tokens: object, amount_whole: object, venues: object) -> Swap:
        """Swap tokens[0] -> tokens[1] at venues[0], and so on, in one transaction.

        If the first and last token are the same, it is a closed cycle. min_out is set as in `swap` or `cycle`. A first
        hop from the native coin to its wrapped token has the venue `wrap`, and a last hop back has `unwrap`. Either may
        be the only hop.
        """
        if not isinstance(tokens, list | tuple) or not isinstance(venues, list | tuple):
            raise ActionFault("a route is a list of tokens and a list of venues")
        if not 1 <= len(venues) <= MOST or len(tokens) != len(venues) + 1:
            raise ActionFault(f"a route has 1 to {MOST} venues, and one token more")
        ends = [*zip(tokens, tokens[1:], venues, strict=False)]
        legs = tuple(self._hop(place, len(ends) - 1, *end) for place, end in enumerate(ends))
        if len({leg.pool for leg in legs}) != len(legs):
            raise ActionFault("a route crosses each venue once")
        first, last = legs[0].token_in, legs[-1].token_out
        if len(legs) > 1 and NATIVE in (first, last) and {first, last} <= {NATIVE, self.network.wrapped}:
            raise ActionFault(f"a closed cycle begins and ends with a token, not with {NATIVE}")
        units, size = expected_gas(legs) * 6 // 5, expected_size(legs)
        offer = gas.offered(self.network, state.head, state.priority_fee)
        spare = gas.cost(units, offer.max_fee, gas.data_fee(state.data_fee, size, units))
        amount = self._affordable(state, first, amount_whole, spare=spare if first == NATIVE else 0)
        if first == last:
            return self._closed(state, legs, amount)
        return self._fair(state, (Route(legs, amount),))

    def cycle(
        self, state: MarketState, token: Symbol, via: Symbol, amount_whole: object, venue_in: str, venue_out: str
    ) -> Swap:
        """Swap token -> via at `venue_in` and via -> token at `venue_out`, in one transaction.

        min_out is at least the input plus gas and the minimum profit.
        """
        if venue_in == venue_out:
            raise ActionFault("a cycle needs two different venues")
        legs = (self._leg(token, via, venue_in), self._leg(via, token, venue_out))
        return self._closed(state, legs, self._affordable(state, token, amount_whole))

    def scaled(self, state: MarketState, swap: Swap, size_bps: int) -> Swap:
        """The swap with `size_bps` of each route's input, rounded down, and with min_out and deadline set anew."""
        routes = tuple(replace(route, amount_in=route.amount_in * size_bps // BPS) for route in swap.routes)
        if not all(route.amount_in for route in routes):
            raise ActionFault("the amount is too small to be scaled")
        if swap.is_cycle:
            (route,) = routes
            return self._closed(state, route.legs, route.amount_in)
        return self._fair(state, routes)

    def approve(self, state: MarketState, token: Symbol, amount: object) -> Approve:
        """Allow Permit2 to take at most `amount` whole tokens; 0 revokes the approval."""
        cap = self.max_approval.get(self._token(token), 0)
        units = to_base_units(amount, self.network.tokens[token].decimals)
        if units > cap:
            raise ActionFault("the approval is above its cap")
        return Approve(token, "permit2", units, state.head.timestamp + self.deadline_s)

    def hold(self, reason: object = "") -> HoldAction:
        """Do nothing. The reason is cut to REASON printable characters."""
        if not isinstance(reason, str):
            raise ActionFault("the reason is text")
        return HoldAction(printable(reason, REASON))

    def _fair(self, state: MarketState, routes: tuple[Route, ...]) -> Swap:
        """A swap over routes between two tokens. Each route alone must give its share of min_out."""
        try:
            quoted = quote_routes(self.network, state.pools, routes)
            quotes = [quote_routes(self.network, state.pools, (route,)) for route in routes]
        except QuoteError as error:
            raise ActionFault("the pool cannot fill this amount") from error
        first = routes[0].legs
        min_out = quoted * (BPS - self.slippage_bps) // BPS
        fair = rate(first[0].token_in, first[-1].token_out, state.reference, self.network)
        if fair is not None:
            net_pips = sum(route.amount_in * self._kept_pips(route) for route in routes)
            min_out = max(min_out, ceil(net_pips * fair / PIPS))
        if all(leg.venue in COIN_LEGS for route in routes for leg in route.legs):
            min_out = quoted  # wrapping alone returns exactly the input
        if min_out > quoted:
            raise ActionFault("the venue pays too far below the reference price")
        swap = self._swap(state, routes, min_out)
        if any(quote < share for quote, share in zip(quotes, shares_of_min_out(swap), strict=True)):
            raise ActionFault("one of the venues pays too far below the others")
        return swap

    def _closed(self, state: MarketState, legs: tuple[Leg, ...], amount: int) -> Swap:
        """A closed cycle that returns at min_out its input, its gas and the minimum profit."""
        token = legs[0].token_in
        try:
            quoted = quote_route(self.network, state.pools, Route(legs, amount))
        except QuoteError as error:
            raise ActionFault("the pools cannot fill this amount") from error
        cost = cost_in(self.network, state, expected_gas(legs), expected_size(legs), token)
        profit = convert(self.min_profit, self.network.quote, token, state.reference, self.network)
        if cost is None or profit is None:
            raise ActionFault("no reference price to count the gas in")
        min_out = max(amount + cost + profit, quoted * (BPS - self.slippage_bps) // BPS)
        if min_out > quoted:
            raise ActionFault("the cycle does not pay for its gas and the least profit")
        return self._swap(state, (Route(legs, amount),), min_out)

    def _kept_pips(self, route: Route) -> int:
        """The part of the reference value that remains after the route's fees and the slack, in pips."""
        return (
            PIPS
            - REFERENCE_SLACK_PIPS
            - sum(self.network.pools[leg.pool].fee_pips for leg in route.legs if leg.venue not in COIN_LEGS)
        )

    def _swap(self, state: MarketState, routes: tuple[Route, ...], min_out: int) -> Swap:
        if min_out <= 0:
            raise ActionFault("the amount is too small to give anything")
        return Swap(routes, min_out, state.head.timestamp + self.deadline_s)

    def _token(self, symbol: object) -> Symbol:
        if not isinstance(symbol, str) or symbol not in self.network.tokens:
            raise ActionFault("unknown token; known are " + ", ".join(sorted(self.network.tokens)))
        return symbol

    def _hop(self, position: int, last: int, token_in: object, token_out: object, venue: object) -> Leg:
        """The leg at `position` of a route. Only the first may wrap the native coin, only the last may unwrap."""
        for leg, expected, name in (
            (wrap_leg(self.network), 0, "first"),
            (unwrap_leg(self.network), last, "last"),
        ):
            if venue == leg.venue:
                if (position, token_in, token_out) != (expected, leg.token_in, leg.token_out):
                    raise ActionFault(f"{leg.venue} is the {name} venue, from {leg.token_in} to {leg.token_out}")
                return leg
        return self._leg(token_in, token_out, venue)

    def _leg(self, token_in: object, token_out: object, venue: object) -> Leg:
        a, b = self._token(token_in), self._token(token_out)
        if a == b:
            raise ActionFault("the two tokens are the same")
        return leg_of(find_pool(self.network, a, b, venue), a)

    def _affordable(self, state: MarketState, symbol: Symbol, amount_whole: object, spare: int = 0) -> int:
        """The amount in base units, if the wallet holds it and `spare` more base units. Raises ActionFault if not."""
        decimals = self.network.tokens[self.network.wrapped if symbol == NATIVE else symbol].decimals
        amount = to_base_units(amount_whole, decimals)
        if amount <= 0:
            raise ActionFault("the amount must be positive")
        if amount > state.balances.get(symbol, 0) - spare:
            raise ActionFault(f"the wallet does not hold that much {symbol}" + (" beside its gas" if spare else ""))
        return amount
