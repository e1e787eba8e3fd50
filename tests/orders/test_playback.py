"""What an order would have done, on recorded minutes of a real pool."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from sentinel.core.closes import CloseSeries
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.playback import playback
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.trades import Side
from sentinel.orders.typed.order import Order
from sentinel.prices.bars import read_prices
from tests.data import data_path

START = 1_658_448_000  # 2022-07-22 00:00 UTC


def minutes(day: str) -> CloseSeries:
    bars = read_prices([data_path("eth_usdc_minutes", f"{day}.csv")]).bars
    return CloseSeries(tuple(bar.time for bar in bars), tuple(bar.close for bar in bars))


def played(text: str, **holdings: int) -> tuple[list[Side], list[int], CloseSeries]:
    order = parse(text, "USDC")
    assert isinstance(order, Order)
    closes = minutes("2022-07-22")
    start = Situation(
        time=START + 3600,
        prices={"USDC": Decimal(1)},
        holdings={coin: Decimal(held) for coin, held in holdings.items()},
        gas_price=Decimal(20),
        closes={"WETH": closes},
        set_at=START + 3600,
    )
    found = list(playback(order, start, closes.times[-1]))
    return [one.trade.side for one in found], [one.time for one in found], closes


def test_a_purchase_every_hour_is_made_every_hour() -> None:
    """23 hours of the day are left, and each has one; the last at its very end is not reached."""
    sides, times, _ = played("Buy 50 USDC worth of WETH, every 1 hour.", USDC=5_000)
    assert sides == [Side.BUY] * 23
    assert {later - earlier for earlier, later in pairwise(times)} == {3600}


def test_a_limit_is_bought_once_at_the_first_minute_below_it() -> None:
    """And the trailing stop that follows it sells once the fall from the high since then is large enough."""
    closes = minutes("2022-07-22")
    level = sorted(closes.prices[60:])[len(closes.prices) // 3]
    text = f"If the price of WETH is at most {level:,.2f} USDC, buy 500 USDC worth of WETH, once."
    sides, times, _ = played(text, USDC=1_000)
    assert sides == [Side.BUY]
    limit = float(f"{level:.2f}")
    first = next(t for t, p in zip(closes.times, closes.prices, strict=True) if t >= START + 3600 and p <= limit)
    assert times == [first]


def test_a_trailing_stop_sells_after_the_fall() -> None:
    """The first minute at 98 % of the highest since the purchase, and not before."""
    text = (
        "Buy WETH with all of the USDC, once. "
        "If the price of WETH is at most 98% of the high since entry of WETH, sell all of WETH, once."
    )
    sides, times, closes = played(text, USDC=1_000)
    assert sides == [Side.BUY, Side.SELL]
    high = 0.0
    for time, price in zip(closes.times, closes.prices, strict=True):
        if time >= times[0]:
            high = max(high, price)
            if price <= 0.98 * high:
                break
    assert times[1] == time
