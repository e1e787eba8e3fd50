"""The best split of a trade over several pools, and its best route over several hops, after each leg's gas. Pure.

Amounts are in base units. More input only worsens a pool's price. So the best shares are those at which the next unit
buys the same amount in every pool that is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from sentinel.core.actions import Leg, Route
from sentinel.core.errors import QuoteError
from sentinel.core.network import Network, Symbol
from sentinel.dex.quoting.quotes import Pools, best_venue, leg_of, pools_of, quote_routes
from sentinel.dex.venues.registry import venue_of

COARSE, FINE = 16, 4096  # parts of the amount: first dealt out in sixteenths, then moved down to 1/4096


def split(network: Network, pools: Pools, legs: Sequence[Leg], amount: int) -> tuple[Route, ...]:
    """Divide `amount` over legs that trade the same tokens, to within 1/4096 of the amount of the best shares.

    A leg with no share is left out. Raises QuoteError if the legs together cannot fill the amount.
    """
    if amount <= 0:
        raise QuoteError("the amount is less than one base unit")
    shares = [0] * len(legs)
    part = max(amount // COARSE, 1)
    marginals = _Marginals(network, pools, legs)
    remaining = amount
    while remaining:
        dealt = min(part, remaining)
        best = max(range(len(legs)), key=lambda i: marginals.at(i, shares[i] + dealt))
        shares[best] += dealt
        remaining -= dealt
    while part > max(amount // FINE, 1):
        part = part // 2
        for _ in range(4 * len(legs)):
            taker = max(range(len(legs)), key=lambda i: marginals.at(i, shares[i] + part))
            givers = [i for i in range(len(legs)) if i != taker and shares[i] >= part]
            giver = min(givers, key=lambda i: marginals.at(i, shares[i] - part), default=None)
            if giver is None or marginals.at(taker, shares[taker] + part) <= marginals.at(giver, shares[giver] - part):
                break
            shares[taker] += part
            shares[giver] -= part
    routes = tuple(Route((leg,), share) for leg, share in zip(legs, shares, strict=True) if share)
    quote_routes(network, pools, routes)
    return routes


def best_split(
    network: Network, pools: Pools, token_in: Symbol, token_out: Symbol, amount: int, leg_cost: int
) -> tuple[Route, ...]:
    """The routes with the largest joint output after gas; `leg_cost` is the gas of one leg, in `token_out`.

    One route if a split does not pay. Raises QuoteError if no pool fills the amount.
    """
    legs = [leg_of(pool, token_in) for pool in pools_of(network, token_in, token_out) if pool.name in pools]
    best: tuple[int, tuple[Route, ...]] | None = None
    while legs:
        try:
            routes = split(network, pools, legs, amount)
            gain = quote_routes(network, pools, routes) - leg_cost * len(routes)
        except QuoteError:
            break
        if best is None or gain > best[0]:
            best = gain, routes
        smallest = min(routes, key=lambda route: route.amount_in)
        legs = [route.legs[0] for route in routes if route is not smallest]
    single = Route((best_venue(network, pools, token_in, token_out, amount).leg,), amount) if best is None else None
    return (single,) if single is not None else best[1] if best is not None else ()


def best_route(
    network: Network, pools: Pools, token_in: Symbol, token_out: Symbol, amount: int, leg_cost: int
) -> tuple[Route, int]:
    """The best single route, direct or over sold token in between, and its output before gas.

    More of the token in between never gives less at the end, so each hop uses its own best pool. Raises QuoteError if
    no route fills the amount.
    """
    routes: list[tuple[int, Route, int]] = []
    for between in (None, *sorted(set(network.tokens) - {token_in, token_out})):
        steps = [token_in, token_out] if between is None else [token_in, between, token_out]
        legs: list[Leg] = []
        output = amount
        try:
            for sold, bought in pairwise(steps):
                best = best_venue(network, pools, sold, bought, output)
                legs.append(best.leg)
                output = best.amount_out
        except QuoteError:
            continue
        routes.append((output - leg_cost * len(legs), Route(tuple(legs), amount), output))
    if not routes:
        raise QuoteError(f"no route fills {amount} base units of {token_in} into {token_out}")
    _, route, out = max(routes, key=lambda candidate: candidate[0])
    return route, out


class _Marginals:
    """The output of the next unit after an amount, cached because `split` asks for the same points again."""

    def __init__(self, network: Network, pools: Pools, legs: Sequence[Leg]) -> None:
        self._network, self._pools, self._legs = network, pools, legs
        self._known: dict[tuple[int, int], Fraction] = {}

    def at(self, leg: int, amount: int) -> Fraction:
        """Output per unit of input; 0 if the pool cannot fill the amount."""
        if (leg, amount) not in self._known:
            name, token_in = self._legs[leg].pool, self._legs[leg].token_in
            pool = self._network.pools[name]
            try:
                up, down = venue_of(pool).marginal(pool, self._pools[name], token_in, amount)
                self._known[leg, amount] = Fraction(up, down)
            except QuoteError:
                self._known[leg, amount] = Fraction(0)
        return self._known[leg, amount]
