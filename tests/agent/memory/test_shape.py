"""Windows are alike by shape, then trend and size; what is no price has no window."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.agent.memory.window_features import AHEAD, SIZE, WINDOW, finished, present

CLOSES = [2000 * math.exp(0.002 * math.sin(i) + 0.0005 * i) for i in range(60)]


def test_the_shape_is_of_length_one_and_knows_no_level() -> None:
    """The same moves at ten times the price are the same window; of twice the size they differ in size alone."""
    now = present(CLOSES)
    assert now is not None
    assert len(now) == SIZE
    assert math.hypot(*now[:WINDOW]) == pytest.approx(1)
    assert present([10 * close for close in CLOSES]) == pytest.approx(now)
    doubled = present([2000 * (close / 2000) ** 2 for close in CLOSES])
    assert doubled is not None
    assert doubled[:-1] == pytest.approx(now[:-1])
    assert doubled[-1] - now[-1] == pytest.approx(math.log10(2))


def test_a_market_that_does_not_move_has_no_shape() -> None:
    """No division by nothing, and a straight line has a trend."""
    still = present([5.0] * 20)
    assert still == (*[0.0] * (WINDOW + 1), -7.0)
    rising = present([1.01**i for i in range(20)])
    assert rising is not None
    assert rising[WINDOW] == 3.0


def test_what_followed_is_the_return_of_the_blocks_after_the_window() -> None:
    """The window ends AHEAD blocks before the last close, and holds none of the closes after."""
    window = finished(CLOSES)
    assert window is not None
    assert window.return_after == CLOSES[-1] / CLOSES[-1 - AHEAD] - 1
    assert window.features == present(CLOSES[:-AHEAD])
    assert finished(CLOSES[-WINDOW - AHEAD :]) is None
    assert finished(CLOSES[-WINDOW - AHEAD - 1 :]) == window
    assert finished([]) is finished(CLOSES[:3]) is None


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_price_has_no_window(bad: float) -> None:
    """Wherever it stands."""
    assert present([*CLOSES[:-1], bad]) is None
    assert finished([*CLOSES[:-1], bad]) is None
    assert finished([*CLOSES[:40], bad, *CLOSES[41:]]) is None


@given(st.lists(st.floats(1e-12, 1e15), max_size=60))
def test_features_are_finite(closes: list[float]) -> None:
    """Whatever the prices."""
    now = present(closes)
    assert (now is None) == (len(closes) <= WINDOW)
    assert now is None or all(map(math.isfinite, now))
