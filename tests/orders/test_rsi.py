"""The RSI of an order: exact at its thresholds, shown like other numbers, equal to the indicator of the tools."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from sentinel.core.closes import CloseSeries
from sentinel.core.indicators import rsi
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.situation_values import evaluate
from sentinel.orders.typed.expressions import RSI_WARM_UP, Statistic, Window
from sentinel.orders.typed.order import Order

NOW = 1_700_000_000


def at(closes: list[float]) -> Situation:
    """With one close a minute, the last of them now."""
    times = tuple(NOW - 60 * back for back in reversed(range(len(closes))))
    return Situation(
        time=NOW,
        prices={"WETH": Decimal(repr(closes[-1])), "USDC": Decimal(1)},
        holdings={"USDC": Decimal(1_000)},
        gas_price=Decimal(20),
        closes={"WETH": CloseSeries(times, tuple(closes))},
        set_at=NOW,
    )


def played(comparison: str, closes: list[float]) -> Play:
    order = parse(f"If the RSI of 14 1-minute closes of WETH is {comparison}, buy 10 USDC worth of WETH.", "USDC")
    assert isinstance(order, Order), order
    return play(order, at(closes))


def walk(seed: int, changes: int) -> list[float]:
    chance = random.Random(seed)
    closes = [2_000.0]
    for _ in range(changes):
        closes.append(round(closes[-1] * (1 + chance.gauss(0, 0.002)), 2))
    return closes


@pytest.mark.parametrize(("rise", "fall", "level"), [("0.3", "0.7", 30), ("0.7", "0.3", 70), ("0.1", "0.3", 25)])
def test_exactly_at_a_level(rise: str, fall: str, level: int) -> None:
    """The level belongs to 'at most' and 'at least' alone, whatever a float makes of cents."""
    price = Decimal(2_000)
    steps = [Decimal(rise), -Decimal(fall)] * 7 + [Decimal(0)] * (14 * (RSI_WARM_UP - 1))
    closes = [float(price), *(float(price := price + step) for step in steps)]
    holds = {op: played(f"{op} {level}", closes).trade is not None for op in ("below", "at most", "above", "at least")}
    assert holds == {"below": False, "at most": True, "above": False, "at least": True}


def test_a_reason_shows_two_decimals() -> None:
    """As it does of prices, and not the digits that a division leaves."""
    why = played("below 30", walk(3, 14 * RSI_WARM_UP)).why
    assert why == "the RSI of 14 1-minute closes of WETH (39.69) is not below 30"


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_indicator_of_the_tools(seed: int) -> None:
    """On the same closes, to the precision of a float: no program reads another value than the player."""
    bars = 2 + seed
    closes = walk(seed, bars * RSI_WARM_UP)
    exact = evaluate(Window(Statistic.RSI, "WETH", bars, 60), at(closes))
    assert float(exact) == pytest.approx(rsi(closes, bars), rel=1e-9)


def test_a_market_that_never_moved_is_neither_up_nor_down() -> None:
    assert evaluate(Window(Statistic.RSI, "WETH", 14, 60), at([2_000.0] * 141)) == 50
