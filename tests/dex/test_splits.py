"""Sharing an amount over pools and finding a way over tokens, on pools made here."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.actions import Route
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState
from sentinel.core.network import Pool, Token
from sentinel.dex.quoting.quotes import best_venue, leg_of, quote_routes
from sentinel.dex.quoting.splits import best_route, best_split, split

from .test_quotes import ADDRESS, NETWORK, USDC, WETH, v2_at, v3_at

TICK = -200_311  # about 2,000 USDC
FOUR = replace(
    NETWORK,
    pools={
        "a": Pool("a", "uniswap_v2", ADDRESS, "WETH", "USDC", 3000),
        "b": Pool("b", "uniswap_v2", ADDRESS, "WETH", "USDC", 3000),
        "c": Pool("c", "uniswap_v3", ADDRESS, "WETH", "USDC", 500, 10),
        "d": Pool("d", "uniswap_v3", ADDRESS, "WETH", "USDC", 3000, 60),
    },
)
STATES: dict[str, PoolState] = {"a": v2_at(2_000), "b": v2_at(2_000), "c": v3_at(TICK), "d": v3_at(TICK, 10**17)}
LEGS = {name: leg_of(pool, "WETH") for name, pool in FOUR.pools.items()}


def test_two_equal_pools_share_equally() -> None:
    """Neither is better anywhere, so each gets half, and nothing is lost of the amount."""
    routes = split(FOUR, STATES, [LEGS["a"], LEGS["b"]], 100 * WETH + 1)
    assert [route.amount_in for route in routes] == pytest.approx([50 * WETH] * 2, rel=0.001)
    assert sum(route.amount_in for route in routes) == 100 * WETH + 1


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 10**22), st.sampled_from(["ab", "ac", "ad", "cd"]), st.integers(1, 63))
def test_no_other_share_of_two_pools_gives_more(amount: int, names: str, part: int) -> None:
    """Whatever the amount and the pair of pools: any brute-force share gives at most a ten-millionth more."""
    legs = [LEGS[name] for name in names]
    first = amount * part // 64
    other = tuple(Route((leg,), x) for leg, x in zip(legs, (first, amount - first), strict=True) if x)
    try:
        best = quote_routes(FOUR, STATES, split(FOUR, STATES, legs, amount))
    except QuoteError:
        with pytest.raises(QuoteError):
            quote_routes(FOUR, STATES, other)
        return
    try:
        brute = quote_routes(FOUR, STATES, other)
    except QuoteError:
        return
    assert best >= brute - brute // 10**7 - 1


def test_splitting_pays_only_above_its_gas() -> None:
    """A small amount goes to one venue, the best; a large one to several, and gives more than any alone."""
    small = best_split(FOUR, STATES, "WETH", "USDC", WETH // 10, leg_cost=3 * USDC)
    assert [route.legs[0].pool for route in small] == [best_venue(FOUR, STATES, "WETH", "USDC", WETH // 10).leg.pool]
    large = best_split(FOUR, STATES, "WETH", "USDC", 500 * WETH, leg_cost=3 * USDC)
    assert len(large) > 1
    alone = best_venue(FOUR, STATES, "WETH", "USDC", 500 * WETH).amount_out
    assert quote_routes(FOUR, STATES, large) - 3 * USDC * len(large) > alone - 3 * USDC


def test_what_no_pools_fill_is_refused() -> None:
    """An unread pool is not used; nothing left to use is a QuoteError."""
    assert [r.legs[0].pool for r in best_split(FOUR, {"a": STATES["a"]}, "WETH", "USDC", WETH, 0)] == ["a"]
    for pools, amount in (({}, WETH), (STATES, 1 << 200)):
        with pytest.raises(QuoteError):
            best_split(FOUR, pools, "WETH", "USDC", amount, 0)
        with pytest.raises(QuoteError):
            best_route(FOUR, pools, "WETH", "USDC", amount, 0)


def test_a_way_over_another_token_is_taken_where_it_gives_more() -> None:
    """Direct while it is the best after gas, over DAI when the direct pool is bad."""
    pools = {
        **FOUR.pools,
        "e": Pool("e", "uniswap_v2", ADDRESS, "WETH", "DAI", 3000),
        "f": Pool("f", "uniswap_v2", ADDRESS, "DAI", "USDC", 3000),
    }
    network = replace(FOUR, pools=pools, tokens={**FOUR.tokens, "DAI": Token("DAI", ADDRESS, 18)})
    states = {"a": v2_at(1_900), "e": v2_at(2_000 * 10**12), "f": v2_at(1.0, 10**6)}
    route, out = best_route(network, states, "WETH", "USDC", WETH, leg_cost=0)
    assert [leg.pool for leg in route.legs] == ["e", "f"]
    assert out == quote_routes(network, states, (route,))
    route, _ = best_route(network, states, "WETH", "USDC", WETH, leg_cost=100 * USDC)
    assert [leg.pool for leg in route.legs] == ["a"]


def test_a_split_over_four_pools_is_found_in_milliseconds() -> None:
    """The best of five tries; a code action may ask several times."""
    took = []
    for _ in range(5):
        started = time.perf_counter()
        best_split(FOUR, STATES, "WETH", "USDC", 300 * WETH, 3 * USDC)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.1


def test_less_than_a_base_unit_is_no_amount() -> None:
    """A code action may ask for 0.0000001 USDC, which is none: an error that it can read, as where nothing fills it."""
    with pytest.raises(QuoteError, match="no pool fills 0 base units"):
        best_split(FOUR, STATES, "WETH", "USDC", 0, 0)
    with pytest.raises(QuoteError, match="less than one base unit"):
        split(FOUR, STATES, [*LEGS.values()], 0)
