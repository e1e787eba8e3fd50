"""No coin that an order names is overlooked, wherever it stands."""

from __future__ import annotations

import re

import pytest

from sentinel.orders.language.reading import render
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.coins import coins_of
from sentinel.orders.typed.order import Order
from tests.orders.random_orders import COINS, RandomOrders


@pytest.mark.parametrize(
    ("text", "coins"),
    [
        ("Buy 5 USDC worth of WETH.", "WETH"),
        ("If the price of UNI is above 5 USDC, sell all of WETH.", "UNI WETH"),
        ("If the weight of WETH among WETH/WBTC is above 5%, wait.", "WETH WBTC"),
        ("If the holding of UNI is above 5 UNI, wait.", "UNI"),
        ("Buy 5 USDC worth of the best of WETH/WBTC in 1 hour.", "WETH WBTC"),
        ("Arbitrage WETH with 5 USDC for at least 1 USDC.", "WETH"),
        ("Sell all of WETH. Never hold more than 5% UNI.", "WETH UNI"),
        ("Sell all of WETH. Only while the RSI of 14 1-minute closes of UNI is below 30.", "WETH UNI"),
    ],
)
def test_the_coins_of_an_order(text: str, coins: str) -> None:
    """In conditions, choices, actions and limits."""
    order = parse(text, "USDC")
    assert isinstance(order, Order)
    assert coins_of(order) == {"USDC", *coins.split()}


def test_they_are_those_of_its_text() -> None:
    """Of 1,000 random orders."""
    orders = RandomOrders(18)
    for _ in range(1_000):
        order = orders.order()
        words = re.split(r"[ /,()]+", render(order))
        written = {word.rstrip(".") for word in words} & {*COINS, "USDC"}
        assert coins_of(order) == written | {"USDC"}
