"""The shortfall breaker's decision."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.decide.shortfall import breach
from tests.decide import fair_market

LIMITS = replace(fair_market.LIMITS, max_shortfall_bps=100.0, max_mean_shortfall_bps=30.0, shortfall_trades=3)
SHORTFALL = st.floats(-200, 200, allow_nan=False)


def test_one_trade_far_below_its_simulation_is_a_breach() -> None:
    """The bound itself is still allowed, and a trade that gave more never counts."""
    assert breach([100.0], LIMITS) is None
    assert breach([100.1], LIMITS) == "a trade realised 100.1 bps less than simulated, the bound is 100"
    assert breach([-5000.0], LIMITS) is None


def test_the_mean_counts_once_there_are_enough_trades() -> None:
    """Two bad trades are no mean of three; the newest three decide, older ones are forgotten."""
    assert breach([40.0, 40.0], LIMITS) is None
    assert breach([40.0, 40.0, 40.0], LIMITS) is not None
    assert breach([30.0, 30.0, 30.0], LIMITS) is None
    assert breach([0.0, 0.0, 0.0, 90.0, 90.0, 90.0], LIMITS) is None


@pytest.mark.attack("a gain that makes room for losses", "refused")
def test_a_gain_does_not_make_up_for_a_shortfall() -> None:
    """One phantom gain of any size would otherwise hide every shortfall below the bound of a single trade."""
    assert breach([-5000.0, 90.0, 90.0], LIMITS) is not None
    assert breach([-1.0, 45.0, 46.0], LIMITS) == (
        "the last 3 trades realised 30.3 bps less than simulated, the bound is 30"
    )


@given(st.lists(SHORTFALL, max_size=8))
def test_a_breach_is_exactly_one_of_the_two_bounds(shortfalls: list[float]) -> None:
    """Against the plain definition."""
    short = any(shortfall > 100 for shortfall in shortfalls)
    mean = len(shortfalls) >= 3 and sum(max(0, shortfall) for shortfall in shortfalls[:3]) / 3 > 30
    assert (breach(shortfalls, LIMITS) is not None) == (short or mean)
