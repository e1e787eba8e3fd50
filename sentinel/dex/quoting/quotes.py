"""Quotes of legs, routes and closed cycles at one market state, equal to the chain's result to the last unit.

Pure functions over the network and pool states; amounts are in base units. Each raises QuoteError if a pool is missing,
does not trade the tokens, or cannot fill the amount from the liquidity that was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations, product

from sentinel.core.actions import Leg, Route, Swap
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState
from sentinel.core.network import NATIVE, UNWRAP, WRAP, Network, Pool, PoolName, Symbol
from sentinel.dex.venues.registry import venue_of

Pools = Mapping[PoolName, PoolState]


@dataclass(frozen=True, slots=True)
class BestVenue:
    """The pool with the largest output for an amount."""

    leg: Leg
    amount_out: int  # base units of the leg's token_out


@dataclass(frozen=True, slots=True)
class BestLoop:
    """A closed route over different pools at its most profitable amount, in base units of its first token."""

    legs: tuple[Leg, ...]
    amount_in: int
    amount_out: int  # before gas

    @property
    def gain(self) -> int:
        return self.amount_out - self.amount_in

    @property
    def route(self) -> Route:
        return Route(self.legs, self.amount_in)


def pools_of(network: Network, a: Symbol, b: Symbol) -> tuple[Pool, ...]:
    """All pools that trade the two tokens, sorted by name."""
    pair = {a, b}
    return tuple(network.pools[name] for name in sorted(network.pools) if {*_tokens(network.pools[name])} == pair)


def leg_of(pool: Pool, token_in: Symbol) -> Leg:
    """The leg that sells `token_in` in the pool. Raises QuoteError if the pool does not trade it."""
    if token_in not in _tokens(pool):
        raise QuoteError(f"{pool.name}: does not trade {token_in}")
    return Leg(pool.name, token_in, pool.token1 if token_in == pool.token0 else pool.token0, pool.venue)


def wrap_leg(network: Network) -> Leg:
    """The leg that wraps the native coin. It may only be the first leg of a route."""
    return Leg(WRAP, NATIVE, network.wrapped, WRAP)


def unwrap_leg(network: Network) -> Leg:
    """The leg that unwraps the wrapped token. It may only be the last leg of a route."""
    return Leg(UNWRAP, network.wrapped, NATIVE, UNWRAP)


def quote_leg(network: Network, pools: Pools, leg: Leg, amount_in: int) -> int:
    pool, state = _find(network, pools, leg.pool)
    if {leg.token_in, leg.token_out} != {*_tokens(pool)}:
        raise QuoteError(f"{pool.name}: does not trade {leg.token_in} for {leg.token_out}")
    return venue_of(pool).quote_in(pool, state, leg.token_in, amount_in)


def quote_route(network: Network, pools: Pools, route: Route) -> int:
    return quote_routes(network, pools, (route,))


def quote_swap(network: Network, pools: Pools, swap: Swap) -> int:
    return quote_routes(network, pools, swap.routes)


def quote_routes(network: Network, pools: Pools, routes: Sequence[Route]) -> int:
    """The total output of the routes in order. A pool that is used again is in the state that the earlier leg left."""
    states: dict[PoolName, PoolState] = {}
    total = 0
    for route in routes:
        amount, token = route.amount_in, route.legs[0].token_in
        for leg in route.legs:
            if leg.token_in != token:
                raise QuoteError(f"the route breaks: {leg.pool} takes {leg.token_in}, not {token}")
            if leg in (wrap_leg(network), unwrap_leg(network)):
                token = leg.token_out
                continue
            pool, state = _find(network, pools, leg.pool)
            if {leg.token_in, leg.token_out} != {*_tokens(pool)}:
                raise QuoteError(f"{pool.name}: does not trade {leg.token_in} for {leg.token_out}")
            amount, states[leg.pool] = venue_of(pool).swap(pool, states.get(leg.pool, state), leg.token_in, amount)
            token = leg.token_out
        total += amount
    return total


def best_venue(network: Network, pools: Pools, token_in: Symbol, token_out: Symbol, amount_in: int) -> BestVenue:
    """The single pool with the largest output; of equal pools the first by name."""
    best: BestVenue | None = None
    for pool in pools_of(network, token_in, token_out):
        leg = leg_of(pool, token_in)
        try:
            out = quote_leg(network, pools, leg, amount_in)
        except QuoteError:
            continue
        if best is None or out > best.amount_out:
            best = BestVenue(leg, out)
    if best is None:
        raise QuoteError(f"no pool fills {amount_in} base units of {token_in} into {token_out}")
    return best


def best_cycle(network: Network, pools: Pools, quote: Symbol, base: Symbol, max_in: int) -> BestLoop | None:
    """The pair of pools and the amount up to `max_in` with the largest gain before gas; None if nothing gains."""
    cycles = _loops(network, pools, [quote, base, quote], max_in)
    return max(cycles, key=lambda loop: loop.gain, default=None)


def loops(network: Network, pools: Pools, token: Symbol, max_in: int) -> list[BestLoop]:
    """All closed routes from `token` over two or three pools that gain, each at its best amount up to `max_in`."""
    others = sorted(set(network.tokens) - {token})
    ways = [[token, *between, token] for hops in (1, 2) for between in permutations(others, hops)]
    return [loop for way in ways for loop in _loops(network, pools, way, max_in)]


def _loops(network: Network, pools: Pools, way: Sequence[Symbol], max_in: int) -> Iterator[BestLoop]:
    """The gaining loops along `way`, for every choice of one pool per hop, without a pool twice."""
    hops = [[pool for pool in pools_of(network, a, b) if pool.name in pools] for a, b in pairwise(way)]
    for chosen in product(*hops):
        if len({pool.name for pool in chosen}) == len(chosen):
            legs = tuple(leg_of(pool, token) for pool, token in zip(chosen, way, strict=False))
            loop = _at_its_best(network, pools, legs, max_in)
            if loop is not None and loop.gain > 0:
                yield loop


def _at_its_best(network: Network, pools: Pools, legs: tuple[Leg, ...], max_in: int) -> BestLoop | None:
    """The loop at its best amount, by bisection on the sign of the marginal gain, in exact integers.

    More input worsens every rate, so the gain has one maximum: where one more unit of input returns exactly one unit.
    None if even the first unit gains nothing, or the pools cannot fill the amount.
    """
    hops = [(venue_of(network.pools[leg.pool]), network.pools[leg.pool], pools[leg.pool], leg.token_in) for leg in legs]

    def gains(amount: int) -> bool:
        up = down = 1
        try:
            for venue, pool, state, token in hops:
                rate = venue.marginal(pool, state, token, amount)
                up, down = up * rate[0], down * rate[1]
                amount = venue.quote_in(pool, state, token, amount) if amount else 0
        except QuoteError:
            return False
        return up > down

    if max_in <= 0 or not gains(0):
        return None
    low, high = 0, max_in
    if gains(max_in):
        low = max_in
    while high - low > 1:
        middle = (low + high) // 2
        if gains(middle):
            low = middle
        else:
            high = middle
    if low == 0:
        return None
    try:
        return BestLoop(legs, low, quote_route(network, pools, Route(legs, low)))
    except QuoteError:
        return None


def _tokens(pool: Pool) -> tuple[Symbol, Symbol]:
    return pool.token0, pool.token1


def _find(network: Network, pools: Pools, name: PoolName) -> tuple[Pool, PoolState]:
    pool, state = network.pools.get(name), pools.get(name)
    if pool is None:
        raise QuoteError(f"{name} is not a pool of the network {network.name}")
    if state is None:
        raise QuoteError(f"{name} was not read at this block")
    return pool, state
