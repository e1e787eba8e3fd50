"""What a trade would give at one market state, computed here and equal to the chain's answer to the last unit.

Pure functions over (network, pool states); amounts are base units. All raise QuoteError where a pool is missing,
does not trade the tokens, or cannot fill the amount from the liquidity that was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentinel.dex.venues import venue_of
from sentinel.errors import QuoteError
from sentinel.types import NATIVE, UNWRAP, WRAP, Leg, Network, Pool, PoolName, PoolState, Route, Swap, Symbol

Pools = Mapping[PoolName, PoolState]


@dataclass(frozen=True, slots=True)
class BestVenue:
    leg: Leg
    amount_out: int  # base units of the leg's token_out


@dataclass(frozen=True, slots=True)
class BestCycle:
    """Buy the base token in one pool and sell it in another, for the most that is left over."""

    buy: Leg
    sell: Leg
    amount_in: int  # base units of the quote token
    between: int  # base units of the base token
    amount_out: int  # base units of the quote token; gas not taken

    @property
    def gain(self) -> int:
        return self.amount_out - self.amount_in

    @property
    def route(self) -> Route:
        return Route((self.buy, self.sell), self.amount_in)


def pools_of(network: Network, a: Symbol, b: Symbol) -> tuple[Pool, ...]:
    """Every pool that trades the two tokens, by name."""
    pair = {a, b}
    return tuple(network.pools[name] for name in sorted(network.pools) if {*_tokens(network.pools[name])} == pair)


def leg_of(pool: Pool, token_in: Symbol) -> Leg:
    """Raises QuoteError where the pool does not trade `token_in`."""
    if token_in not in _tokens(pool):
        raise QuoteError(f"{pool.name}: does not trade {token_in}")
    return Leg(pool.name, token_in, pool.token1 if token_in == pool.token0 else pool.token0, pool.venue)


def wrap_leg(network: Network) -> Leg:
    """The native coin into the wrapped token; only as the first leg of a route."""
    return Leg(WRAP, NATIVE, network.wrapped, WRAP)


def unwrap_leg(network: Network) -> Leg:
    """The wrapped token into the native coin; only as the last leg of a route."""
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
    """The sum of what the routes give, one after the other: a pool met again is in the state the earlier leg left."""
    seen: dict[PoolName, PoolState] = {}
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
            amount, seen[leg.pool] = venue_of(pool).swap(pool, seen.get(leg.pool, state), leg.token_in, amount)
            token = leg.token_out
        total += amount
    return total


def best_venue(network: Network, pools: Pools, token_in: Symbol, token_out: Symbol, amount_in: int) -> BestVenue:
    """The single pool that gives the most; the first by name where two give the same."""
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


def best_cycle(network: Network, pools: Pools, quote: Symbol, base: Symbol, max_in: int) -> BestCycle | None:
    """The pair of pools and the amount, up to `max_in`, that leave the most quote tokens; None: no gain anywhere."""
    best: BestCycle | None = None
    candidates = [pool for pool in pools_of(network, quote, base) if pool.name in pools]
    for buy in candidates:
        for sell in candidates:
            if buy.name == sell.name:
                continue
            cycle = _cycle(buy, pools[buy.name], sell, pools[sell.name], quote, base, max_in)
            if cycle is not None and cycle.gain > 0 and (best is None or cycle.gain > best.gain):
                best = cycle
    return best


def _cycle(
    buy: Pool, buy_state: PoolState, sell: Pool, sell_state: PoolState, quote: Symbol, base: Symbol, max_in: int
) -> BestCycle | None:
    """Bisection on the sign of the marginal gain, in exact integers.

    More input always worsens both rates, so the gain has one maximum: where one more unit of quote comes back as one.
    """
    buyer, seller = venue_of(buy), venue_of(sell)

    def bought(amount: int) -> int:
        return buyer.quote_in(buy, buy_state, quote, amount) if amount else 0

    def worth_more(amount: int) -> bool:
        try:
            up0, down0 = buyer.marginal(buy, buy_state, quote, amount)
            up1, down1 = seller.marginal(sell, sell_state, base, bought(amount))
        except QuoteError:
            return False
        return up0 * up1 > down0 * down1

    if max_in <= 0 or not worth_more(0):
        return None
    low, high = 0, max_in
    if worth_more(max_in):
        low = max_in
    while high - low > 1:
        middle = (low + high) // 2
        if worth_more(middle):
            low = middle
        else:
            high = middle
    if low == 0:
        return None
    try:
        between = bought(low)
        amount_out = seller.quote_in(sell, sell_state, base, between)
    except QuoteError:
        return None
    return BestCycle(leg_of(buy, quote), leg_of(sell, base), low, between, amount_out)


def _tokens(pool: Pool) -> tuple[Symbol, Symbol]:
    return pool.token0, pool.token1


def _find(network: Network, pools: Pools, name: PoolName) -> tuple[Pool, PoolState]:
    pool, state = network.pools.get(name), pools.get(name)
    if pool is None:
        raise QuoteError(f"{name} is not a pool of the network {network.name}")
    if state is None:
        raise QuoteError(f"{name} was not read at this block")
    return pool, state
