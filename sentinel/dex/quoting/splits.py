"""One trade over several pools, or over several hops: which way gives the most, each further leg's gas taken. Pure.

Amounts are base units. What a pool gives for more input only gets worse, so an amount is shared best where the next
unit buys the same in every pool that is used.
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

COARSE, FINE = 16, 4096  # parts that the amount is dealt out in, and what is still moved between pools at the end


def split(network: Network, pools: Pools, legs: Sequence[Leg], amount: int) -> tuple[Route, ...]:
    """`amount` shared over the legs, which trade the same tokens, to within 1/4096 of the best shares.

    A leg that would get nothing is left out. Raises QuoteError where the legs together cannot fill the amount.
    """
    if amount <= 0:
        raise QuoteError("the amount is less than one base unit")
    shares = [0] * len(legs)
    part = max(amount // COARSE, 1)
    nexts = _Marginals(network, pools, legs)
    left = amount
    while left:
        given = min(part, left)
        best = max(range(len(legs)), key=lambda i: nexts.at(i, shares[i] + given))
        shares[best] += given
        left -= given
    while part > max(amount // FINE, 1):
        part = part // 2
        for _ in range(4 * len(legs)):
            takes = max(range(len(legs)), key=lambda i: nexts.at(i, shares[i] + part))
            givers = [i for i in range(len(legs)) if i != takes and shares[i] >= part]
            gives = min(givers, key=lambda i: nexts.at(i, shares[i] - part), default=None)
            if gives is None or nexts.at(takes, shares[takes] + part) <= nexts.at(gives, shares[gives] - part):
                break
            shares[takes] += part
            shares[gives] -= part
    routes = tuple(Route((leg,), share) for leg, share in zip(legs, shares, strict=True) if share)
    quote_routes(network, pools, routes)
    return routes


def best_split(
    network: Network, pools: Pools, token_in: Symbol, token_out: Symbol, amount: int, leg_cost: int
) -> tuple[Route, ...]:
    """The shares over some of the pools that give the most; `leg_cost` is one leg's gas, in `token_out`.

    One route where splitting does not pay. Raises QuoteError where nothing fills the amount.
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
        least = min(routes, key=lambda route: route.amount_in)
        legs = [route.legs[0] for route in routes if route is not least]
    single = Route((best_venue(network, pools, token_in, token_out, amount).leg,), amount) if best is None else None
    return (single,) if single is not None else best[1] if best is not None else ()


def best_route(
    network: Network, pools: Pools, token_in: Symbol, token_out: Symbol, amount: int, leg_cost: int
) -> tuple[Route, int]:
    """The best single way, direct or over one token between, and what it gives.

    More in the middle is never worth less at the end, so each hop takes its own best pool. Raises QuoteError where no
    way fills the amount.
    """
    found: list[tuple[int, Route, int]] = []
    for between in (None, *sorted(set(network.tokens) - {token_in, token_out})):
        steps = [token_in, token_out] if between is None else [token_in, between, token_out]
        legs: list[Leg] = []
        held = amount
        try:
            for one, other in pairwise(steps):
                best = best_venue(network, pools, one, other, held)
                legs.append(best.leg)
                held = best.amount_out
        except QuoteError:
            continue
        found.append((held - leg_cost * len(legs), Route(tuple(legs), amount), held))
    if not found:
        raise QuoteError(f"no route fills {amount} base units of {token_in} into {token_out}")
    _, route, out = max(found, key=lambda way: way[0])
    return route, out


class _Marginals:
    """What the next unit buys after an amount, remembered: the same points are asked for again and again."""

    def __init__(self, network: Network, pools: Pools, legs: Sequence[Leg]) -> None:
        self._network, self._pools, self._legs = network, pools, legs
        self._known: dict[tuple[int, int], Fraction] = {}

    def at(self, leg: int, amount: int) -> Fraction:
        """0 where the pool cannot fill the amount."""
        if (leg, amount) not in self._known:
            name, token_in = self._legs[leg].pool, self._legs[leg].token_in
            pool = self._network.pools[name]
            try:
                up, down = venue_of(pool).marginal(pool, self._pools[name], token_in, amount)
                self._known[leg, amount] = Fraction(up, down)
            except QuoteError:
                self._known[leg, amount] = Fraction(0)
        return self._known[leg, amount]
