"""Quotes over whole market states: routes, best venue, best cycle, mid prices, and the edge of what was read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.actions import Leg, Route
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState, V2State, V3State
from sentinel.core.network import Network, Pool, Token
from sentinel.dex.quoting import quotes
from sentinel.dex.venues.registry import venue_of
from sentinel.dex.venues.tick_math import MAX_TICK, MIN_TICK, sqrt_price_at, tick_at
from sentinel.dex.venues.uniswap_v3 import UniswapV3

ADDRESS = "0x" + "00" * 20
V2 = Pool("V2", "uniswap_v2", ADDRESS, "WETH", "USDC", 3000)
V3 = Pool("V3", "uniswap_v3", ADDRESS, "WETH", "USDC", 500, 10)
NETWORK = Network(
    name="test",
    chain_id=31337,
    pinned_block=None,
    pinned_hash=None,
    quote="USDC",
    wrapped="WETH",
    tokens={"WETH": Token("WETH", ADDRESS, 18), "USDC": Token("USDC", ADDRESS, 6)},
    pools={"V2": V2, "V3": V3},
    feeds={},
    universal_router=ADDRESS,
    permit2=ADDRESS,
    multicall3=ADDRESS,
    v3_quoter=None,
    hardfork="cancun",
    block_time=2.0,
)
WETH, USDC = 10**18, 10**6


def v2_at(price: float, depth: int = 1000) -> V2State:
    return V2State(depth * WETH, int(depth * price * USDC))


def v3_at(tick: int, liquidity: int = 10**18, low: int = MIN_TICK, high: int = MAX_TICK) -> V3State:
    """Liquidity everywhere, three times as much around -200,000, as one window of it."""
    ticks = ((-887270, liquidity), (-201000, 2 * liquidity), (-199000, -2 * liquidity), (887270, -liquidity))
    inside = sum(net for at, net in ticks if at <= tick)
    return V3State(sqrt_price_at(tick) + 12345, tick, inside, tuple(t for t in ticks if low <= t[0] <= high), low, high)


ticks_near = st.integers(-201400, -198600)


def test_a_tick_begins_where_the_contract_says() -> None:
    """The ends of the price range are the contract's published constants."""
    assert sqrt_price_at(MIN_TICK) == 4295128739
    assert sqrt_price_at(MAX_TICK) == 1461446703485210103287273052203988822378723970342
    assert sqrt_price_at(0) == 1 << 96


@given(st.integers(MIN_TICK, MAX_TICK - 1), st.booleans())
def test_the_tick_of_a_price_is_the_last_that_begins_at_or_below_it(tick: int, last_unit: bool) -> None:
    """Both ends of a tick's range map back to the tick."""
    price = sqrt_price_at(tick + 1) - 1 if last_unit else sqrt_price_at(tick)
    assert tick_at(price) == tick


@given(ticks_near, st.booleans(), st.integers(1, 10**13))
def test_a_window_of_ticks_gives_the_full_answer_or_none(tick: int, sell: bool, amount: int) -> None:
    """What was not read never changes a quote: it is refused instead."""
    token, amount = ("WETH", amount * 10**9) if sell else ("USDC", amount)
    full = UniswapV3().quote_in(V3, v3_at(tick), token, amount)
    window = v3_at(tick, low=-204800, high=-197130)
    try:
        assert UniswapV3().quote_in(V3, window, token, amount) == full
    except QuoteError:
        assert amount > 10**12


@given(ticks_near, st.booleans(), st.integers(1, 10**12), st.integers(1, 10**12))
def test_two_v3_swaps_in_a_row_start_where_the_first_ended(tick: int, sell: bool, first: int, second: int) -> None:
    """The state after a swap is one that the same quote can go on from, and splitting a swap never pays."""
    token, scale = ("WETH", 10**9) if sell else ("USDC", 1)
    venue, state = UniswapV3(), v3_at(tick)
    out1, between = venue.swap(V3, state, token, first * scale)
    out2, after = venue.swap(V3, between, token, second * scale)
    whole = venue.quote_in(V3, state, token, (first + second) * scale)
    assert isinstance(after, V3State)
    assert after.tick == tick_at(after.sqrt_price_x96) or after.sqrt_price_x96 == sqrt_price_at(after.tick + 1)
    assert out1 + out2 <= whole + 1


@given(ticks_near, st.booleans(), st.integers(1, 10**12))
def test_the_price_of_an_exact_output_buys_at_least_that_output(tick: int, sell: bool, amount: int) -> None:
    """quote_out is the least input of quote_in, in V2 and in V3, up to rounding of one unit of output."""
    token = "WETH" if sell else "USDC"
    wanted = amount if sell else amount * 10**6
    for pool, state in ((V2, v2_at(2000, 10**5)), (V3, v3_at(tick))):
        venue = venue_of(pool)
        cost = venue.quote_out(pool, state, token, wanted)
        assert venue.quote_in(pool, state, token, cost) >= wanted - 1
        if cost > 1:
            assert venue.quote_in(pool, state, token, cost - 1) <= wanted


def test_a_pool_met_twice_is_in_the_state_that_the_first_leg_left() -> None:
    """Two routes through one pool give less than twice one route."""
    pools: dict[str, PoolState] = {"V2": v2_at(2000)}
    route = Route((Leg("V2", "WETH", "USDC", "uniswap_v2"),), 10 * WETH)
    one = quotes.quote_route(NETWORK, pools, route)
    both = quotes.quote_routes(NETWORK, pools, (route, route))
    doubled = Route(route.legs, 20 * WETH)
    assert both < 2 * one
    assert 0 <= quotes.quote_route(NETWORK, pools, doubled) - both < both // 10_000


def test_a_route_that_breaks_or_leaves_the_network_is_refused() -> None:
    """Legs must follow one another, through pools that trade their tokens."""
    pools: dict[str, PoolState] = {"V2": v2_at(2000)}
    sell = Leg("V2", "WETH", "USDC", "uniswap_v2")
    for legs in ((sell, sell), (Leg("V2", "WETH", "DAI", "uniswap_v2"),), (Leg("V3", "WETH", "USDC", "uniswap_v3"),)):
        with pytest.raises(QuoteError):
            quotes.quote_route(NETWORK, pools, Route(legs, WETH))


@given(st.floats(1500, 2500), ticks_near)
def test_the_best_venue_gives_the_most(price: float, tick: int) -> None:
    """No pool of the pair gives more than the one that is named."""
    pools: dict[str, PoolState] = {"V2": v2_at(price), "V3": v3_at(tick)}
    best = quotes.best_venue(NETWORK, pools, "WETH", "USDC", WETH)
    for name in pools:
        leg = quotes.leg_of(NETWORK.pools[name], "WETH")
        assert quotes.quote_leg(NETWORK, pools, leg, WETH) <= best.amount_out


@settings(max_examples=40)
@given(st.floats(1900, 2200), st.integers(-200500, -199500), st.integers(10, 200_000))
def test_the_best_cycle_is_not_beaten_by_any_amount_or_order_of_pools(price: float, tick: int, most: int) -> None:
    """Against a search over amounts, in both orders of the pools; rounding may cost three base units."""
    pools: dict[str, PoolState] = {"V2": v2_at(price, 300), "V3": v3_at(tick)}
    max_in = most * USDC
    found = quotes.best_cycle(NETWORK, pools, "USDC", "WETH", max_in)
    gain = found.gain if found else 0
    if found:
        assert 0 < found.amount_in <= max_in
        assert quotes.quote_route(NETWORK, pools, found.route) == found.amount_out
    for first, second in (("V2", "V3"), ("V3", "V2")):
        legs = (quotes.leg_of(NETWORK.pools[first], "USDC"), quotes.leg_of(NETWORK.pools[second], "WETH"))
        for i in range(1, 101):
            amount = max_in * i // 100
            assert quotes.quote_route(NETWORK, pools, Route(legs, amount)) - amount <= gain + 3


TRIANGLE = replace(
    NETWORK,
    tokens={**NETWORK.tokens, "WBTC": Token("WBTC", ADDRESS, 8)},
    pools={
        **NETWORK.pools,
        "B": Pool("B", "uniswap_v2", ADDRESS, "WBTC", "USDC", 3000),
        "X": Pool("X", "uniswap_v2", ADDRESS, "WBTC", "WETH", 3000),
    },
)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(1950, 2050),
    st.integers(-200400, -199900),
    st.floats(28000, 31000),
    st.floats(14, 16),
    st.integers(10, 200_000),
)
def test_no_loop_is_beaten_by_any_amount_or_way(
    price: float, tick: int, bitcoin: float, ratio: float, most: int
) -> None:
    """Against a search over amounts of every way round; a base unit of WBTC is 300 of USDC, which rounding may cost."""
    pools: dict[str, PoolState] = {"V2": v2_at(price, 300), "V3": v3_at(tick)}
    pools["B"] = V2State(20 * 10**8, int(20 * bitcoin * USDC))
    pools["X"] = V2State(20 * 10**8, int(20 * ratio * WETH))
    max_in = most * USDC
    found = {loop.legs: loop for loop in quotes.loops(TRIANGLE, pools, "USDC", max_in)}
    for loop in found.values():
        assert 0 < loop.amount_in <= max_in
        assert loop.gain > 0
        assert quotes.quote_route(TRIANGLE, pools, loop.route) == loop.amount_out
    ways = [("V2", "V3"), ("V3", "V2")]
    ways += [way for pair in ("V2", "V3") for way in ((pair, "X", "B"), ("B", "X", pair))]  # type: ignore[misc]
    for way in ways:
        legs: list[Leg] = []
        for name in way:
            legs.append(quotes.leg_of(TRIANGLE.pools[name], legs[-1].token_out if legs else "USDC"))
        gain = found[tuple(legs)].gain if tuple(legs) in found else 0
        for i in range(1, 51):
            amount = max_in * i // 50
            assert quotes.quote_route(TRIANGLE, pools, Route(tuple(legs), amount)) - amount <= gain + 700
