"""Reading and parser: each order has one text, each text one order, and no text makes the parser raise."""

from __future__ import annotations

import random
import time

import pytest

from sentinel.orders.language.reading import Ask, Refuse, render
from sentinel.orders.language.reading_parser import NotRead, parse
from sentinel.orders.typed.order import Order
from tests.orders.random_orders import RandomOrders

FEW, MANY = 1_500, 100_000
NOISE = ("(", ")", "not", "1,0", "-", "%", "\x00", "٣", "9" * 30, "ß", "")


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.proof)])
def test_an_order_comes_back_from_its_reading(count: int) -> None:
    """Exactly, and the reading of what came back is the same text."""
    orders = RandomOrders(15)
    for _ in range(count):
        order = orders.order()
        text = render(order)
        back = parse(text, order.quote)
        assert back == order, text
        assert isinstance(back, Order)
        assert render(back) == text


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.proof)])
def test_the_parser_never_raises(count: int) -> None:
    """Texts with words lost, doubled, swapped or replaced, and bytes of any kind."""
    orders, chance = RandomOrders(16), random.Random(17)
    for _ in range(count):
        words = render(orders.order()).split(" ")
        for _ in range(chance.randint(1, 3)):
            words.insert(chance.randrange(len(words) + 1), chance.choice((*NOISE, *words)))
            if chance.random() < 0.5:
                del words[chance.randrange(len(words))]
        found = parse(" ".join(words), "USDC")
        assert isinstance(found, Order | NotRead | Ask | Refuse)


@pytest.mark.parametrize(
    "text", ["", " ", ".", "If", "(" * 3_000, "not (" * 700, "Buy", "Keep 5 USDC.", "\ud800", "a" * 5_000]
)
def test_nonsense_is_named(text: str) -> None:
    """Never an order, and fast."""
    begin = time.monotonic()
    found = parse(text, "USDC")
    assert isinstance(found, NotRead)
    assert found.why
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("If the price of WETH is cheap, buy 0.5 WETH.", "at 'cheap, buy 0.5 WETH.': one of these is expected: below"),
        ("Short 5 WETH.", "an action is expected: buy, sell"),
        ("Buy 5 WETH", "at the end: '.' is expected"),
        ("Buy 5 WETH, every 5 blocks.", "a unit of time is expected: second, minute, hour, day"),
        ("Keep 5 USDC. Buy 5 WETH.", "what is traded stands before the limits"),
        ("Buy 5 WETH. Keep 5 USDC. Keep 6 USDC.", "this limit stands there twice"),
        ("Buy 0 WETH.", "this cannot be carried out: an amount is above 0"),
        ("If the price of WETH is below 5%, buy 1 WETH.", "an amount of the quote token cannot be compared with"),
        ("Rebalance to 60% WETH and 50% USDC when off by more than 5%.", "the weights add up to 100%"),
        ("Buy 5 USDC worth of USDC.", "the quote token is what coins are bought with"),
        ("If the mean of 20,000 1-minute closes of WETH is above 1 USDC, wait.", "a window has 1 to 10080 closes"),
        ("Buy 1 WETH, until 2026-02-30 10:00 UTC.", "this cannot be carried out: day is out of range for month"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, why: str) -> None:
    """In words that the operator can act on."""
    found = parse(text, "USDC")
    assert isinstance(found, NotRead)
    assert why in found.why


def test_thousands_and_case_are_free() -> None:
    """What an operator writes by hand; the reading that comes back is canonical."""
    order = parse("if the price of WETH is at most 1500 usdc,  BUY 2000 USDC worth of WETH, once.", "USDC")
    assert isinstance(order, Order)
    assert render(order) == "If the price of WETH is at most 1,500 USDC, buy 2,000 USDC worth of WETH, once."


def test_an_order_reads_only_so_many_closes_at_each_block() -> None:
    """Equal windows count once, because they are computed once."""
    window = "the mean of {} 1-minute closes of WETH is above 1 USDC"
    same = " or ".join([window.format(10_080)] * 10)
    assert isinstance(parse(f"If {same}, sell all of WETH.", "USDC"), Order)
    different = " or ".join(window.format(10_080 - i) for i in range(10))
    found = parse(f"If {different}, sell all of WETH.", "USDC")
    assert isinstance(found, NotRead)
    assert "its windows read 100,755 closes at each block, at most 30,000" in found.why
