"""The envelope is as wide as the order's trades can be, and no wider where the order says it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.envelope import Envelope, envelope, order_hash
from sentinel.orders.typed.order import Order


def order_of(text: str) -> Order:
    order = parse(text, "USDC")
    assert isinstance(order, Order), order
    return order


def pairs(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(pair.split(">")) for pair in text.split())


@pytest.mark.parametrize(
    ("text", "found", "size", "gap"),
    [
        ("Buy 50 USDC worth of WETH, every 1 hour.", "USDC>WETH", 50, 3600),
        ("Buy 0.5 WETH, once.", "USDC>WETH", None, 0),
        ("Buy 0.5 WETH, once. Trade at most 900 USDC at a time.", "USDC>WETH", 900, 0),
        ("Buy 90 USDC worth of WETH. Trade at most 40 USDC at a time.", "USDC>WETH", 40, 0),
        ("Sell all of the largest of WETH/WBTC.", "WETH>USDC WBTC>USDC", None, 0),
        ("Swap 10 USDC worth of WETH for WBTC, in 10 parts over 1 hour.", "WETH>WBTC", 1, 360),
        ("Rebalance to 60% WETH and 40% USDC when off by more than 5%.", "WETH>USDC USDC>WETH", None, 0),
        ("Rebalance to 60% WETH and 40% WBTC alone when off by more than 5%.", "WETH>WBTC WBTC>WETH", None, 0),
        ("Cut WETH/WBTC to 70%.", "WETH>USDC WBTC>USDC", None, 0),
        ("Arbitrage WETH with 500 USDC for at least 2 USDC.", "USDC>USDC", 500, 0),
        (
            "Buy 5 USDC worth of WETH. Sell 7 USDC worth of WETH. Only while the gas price is below 9 gwei and "
            "the time since the last trade is at least 2 hours.",
            "USDC>WETH WETH>USDC",
            7,
            7200,
        ),
        (
            "Buy 5 USDC worth of WETH. Only while the gas price is below 9 gwei or "
            "the time since the last trade is at least 2 hours.",
            "USDC>WETH",
            5,
            0,
        ),
    ],
)
def test_an_envelope(text: str, found: str, size: int | None, gap: int) -> None:
    """Tokens and sides, most a trade, least time between trades."""
    expected = Envelope(pairs(found), None if size is None else Decimal(size), None, gap, Decimal(0))  # type: ignore[arg-type]
    assert envelope(order_of(text)) == expected


def test_reserve_and_day_are_in_it() -> None:
    """As the order says them."""
    found = envelope(order_of("Buy 5 USDC worth of WETH. Keep 500 USDC. Buy at most 50 USDC a day."))
    assert (found.reserve, found.max_day) == (Decimal(500), Decimal(50))


def test_another_order_has_another_hash() -> None:
    """And the same order the same, however it was written."""
    text = "If the price of WETH is at most 1,500 USDC, buy 2,000 USDC worth of WETH, once."
    same = order_of(text.replace(",0", "0").replace("1,5", "15").upper().replace("WETH", "WETH"))
    assert order_hash(order_of(text)) == order_hash(same)
    assert order_hash(order_of(text)) != order_hash(order_of(text.replace("2,000", "2,001")))
