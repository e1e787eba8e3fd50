"""Indicators against published tables, the standard library and closed forms; finite whatever the closes."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.agent.sandbox import Sandbox
from sentinel.core import indicators
from sentinel.core.errors import CodeFault
from tests.agent.doubles import STATE, toolbox

CLOSES = st.lists(st.floats(1e-9, 1e12), min_size=1, max_size=80)
BARS = st.integers(1, 200)

# The worked example of Wilder's index that chart schools print: closes, and the index from the 15th close on.
WILDER = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931,
    46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122,
]  # fmt: skip
WILDER_RSI = [70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93]


def test_rsi_is_wilders_table() -> None:
    """Each printed value comes out to its two decimals."""
    found = [indicators.rsi(WILDER[: 15 + i], 14) for i in range(7)]
    assert [round(value, 2) for value in found] == WILDER_RSI


def test_rsi_at_the_ends() -> None:
    """Only gains are 100, only losses 0, nothing moved 50."""
    assert indicators.rsi([1, 2, 3, 4], 3) == 100
    assert indicators.rsi([4, 3, 2, 1], 3) == 0
    assert indicators.rsi([2, 2, 2], 14) == indicators.rsi([2], 14) == 50


def test_ema_by_hand() -> None:
    """Span 3 weighs the newest by a half: 10, then 15, then 22.5."""
    assert indicators.ema([10, 20, 30], 3) == 22.5
    assert indicators.ema([10, 20, 30], 1) == 30


def test_drawdown_and_returns_by_hand() -> None:
    """A fifth below the top of 125; the top itself is none; older tops are forgotten."""
    assert indicators.drawdown([100, 125, 90, 100], 4) == pytest.approx(0.2)
    assert indicators.drawdown([100, 125, 90, 100], 2) == 0
    assert indicators.returns([100, 110, 99], 2) == pytest.approx([0.1, -0.1])
    assert indicators.returns([100, 110, 99], 1) == pytest.approx([-0.1])


@given(CLOSES, BARS)
def test_averages_and_volatility_are_the_standard_librarys(closes: list[float], bars: int) -> None:
    """The last so many closes, no more; fewer where fewer are known."""
    last, changes = closes[-bars:], closes[-bars - 1 :]
    logs = [math.log(b / a) for a, b in pairwise(changes)]
    assert indicators.sma(closes, bars) == pytest.approx(statistics.fmean(last))
    assert indicators.twap(closes, bars) == pytest.approx(statistics.geometric_mean(last))
    expected = statistics.stdev(logs) if len(logs) > 1 else 0.0
    assert indicators.volatility(closes, bars) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(CLOSES, BARS)
def test_every_indicator_keeps_to_its_range(closes: list[float], bars: int) -> None:
    """Averages lie between the extremes, shares between their bounds, and all are finite."""
    low, high = min(closes) * (1 - 1e-9), max(closes) * (1 + 1e-9)
    for average in (indicators.sma, indicators.ema, indicators.twap):
        assert low <= average(closes, bars) <= high
    assert 0 <= indicators.rsi(closes, bars) <= 100
    assert 0 <= indicators.drawdown(closes, bars) <= 1
    assert len(indicators.returns(closes, bars)) == min(bars, len(closes) - 1)
    assert all(map(math.isfinite, indicators.returns(closes, bars)))


def test_the_tools_measure_what_prices_shows() -> None:
    """The same closes, rounded as others are; a token without a history has its price alone."""
    reads = toolbox().reads
    closes = toolbox().prices("WETH", 100)
    assert reads["sma"]("WETH", 2) == 1990.062
    assert reads["twap"]("WETH", 4) == pytest.approx(statistics.geometric_mean(closes), rel=1e-6)
    assert reads["returns"]("WETH", 2) == pytest.approx([1980.123 / 1950 - 1, 2000 / 1980.123 - 1], rel=1e-5)
    assert (reads["rsi"]("WETH"), reads["drawdown"]("WETH")) == (100.0, 0.0)
    assert (reads["volatility"]("USDC"), reads["ema"]("USDC"), reads["returns"]("USDC", 5)) == (0.0, 1.0, [])


@pytest.mark.parametrize("name", ["returns", "volatility", "sma", "ema", "rsi", "drawdown", "twap"])
@pytest.mark.parametrize("bars", [0, -1, 2.0, float("nan"), "3", None, True, [1]])
def test_bars_that_are_none_are_the_codes_fault(name: str, bars: object) -> None:
    """A whole number from 1, and nothing else."""
    with pytest.raises(CodeFault, match="bars is a whole number from 1"):
        toolbox().reads[name]("WETH", bars)


def test_indicators_are_a_look_at_the_market(sandbox: Sandbox) -> None:
    """Code that reads one of them has read the market; they take keywords, and print short."""
    run = sandbox.run_blocking('print(rsi("WETH", bars=2), sma("WETH", 10**30))', toolbox(STATE))
    assert (run.error, run.reads, run.observation) == (None, ("rsi", "sma"), "100.0 1957.531")
