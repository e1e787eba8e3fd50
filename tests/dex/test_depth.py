"""Depth and impact of a pool, against closed forms and the pool's own quotes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState, V2State, V3State
from sentinel.core.network import Pool
from sentinel.dex.quoting.depth import depth, impact_bps
from sentinel.dex.venues.registry import venue_of

from .test_quotes import USDC, V2, V3, WETH, ticks_near, v2_at, v3_at


@pytest.mark.parametrize("bps", [0.5, 1, 10, 100, 2500, 9999])
def test_the_depth_of_a_constant_product_is_its_closed_form(bps: float) -> None:
    """The next unit brings ((x / (x + keep a))^2 of the first: solved for a, x (1 / sqrt(1 - bps) - 1) / keep."""
    state = v2_at(2000)
    expected = 1000 * WETH * (1 / math.sqrt(1 - bps / 10_000) - 1) / 0.997
    assert depth(V2, state, "WETH", bps) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(ticks_near, st.booleans(), st.floats(0.1, 900), st.booleans())
def test_at_the_depth_the_price_has_moved_by_so_much(tick: int, sell: bool, bps: float, concentrated: bool) -> None:
    """In either direction and over ticks: at the depth the rate still holds, a millionth more and it does not."""
    pool, state = (V3, v3_at(tick)) if concentrated else (V2, v2_at(2000))
    token, venue = "WETH" if sell else "USDC", venue_of(pool)
    found = depth(pool, state, token, bps)

    def rate(amount: int) -> float:
        up, down = venue.marginal(pool, state, token, amount)
        return up / down

    floor = rate(0) * (1 - bps / 10_000)
    assert rate(found) >= floor * (1 - 1e-9)
    assert rate(found + found // 10**6 + 2) <= floor * (1 + 1e-9)


def test_depth_ends_where_the_liquidity_that_was_read_ends() -> None:
    """A window of ticks is never looked beyond: the depth is what can be filled for sure."""
    window = v3_at(-200_300, low=-204_800, high=-197_130)
    found = depth(V3, window, "WETH", 5000)
    assert 0 < found < depth(V3, v3_at(-200_300), "WETH", 5000)
    venue_of(V3).quote_in(V3, window, "WETH", found)
    with pytest.raises(QuoteError):
        venue_of(V3).quote_in(V3, window, "WETH", found + found // 2**39 + 2)


def test_impact_is_the_fee_for_a_small_amount_and_grows_with_it() -> None:
    """A thousandth of the pool loses 30 bps of fee and 10 of price; the mid is what both tokens' reserves say."""
    state = v2_at(2000)
    assert impact_bps(V2, state, "WETH", WETH // 10**4) == pytest.approx(30, abs=0.1)
    x, a = 1000.0, 1.0
    assert impact_bps(V2, state, "WETH", WETH) == pytest.approx(1e4 * (1 - 0.997 * x / (x + 0.997 * a)), rel=1e-6)
    assert impact_bps(V2, state, "USDC", 2000 * USDC) == pytest.approx(
        1e4 * (1 - 0.997 * x / (x + 0.997 * a)), rel=1e-6
    )
    assert impact_bps(V3, v3_at(-200_300), "WETH", WETH // 10**4) == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize(("pool", "state"), [(V2, V2State(0, 0)), (V3, V3State(2**96, 0, 0, (), -887272, 887272))])
def test_an_empty_pool_is_a_quote_error(pool: Pool, state: PoolState) -> None:
    """Nothing is divided by nothing."""
    with pytest.raises(QuoteError):
        depth(pool, state, "WETH", 10)
    with pytest.raises(QuoteError):
        impact_bps(pool, state, "WETH", WETH)
