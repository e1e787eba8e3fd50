"""Drafts: each reading has one, and it means that reading."""

from __future__ import annotations

import random

import pytest

from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.drafts import read_draft, write_draft
from sentinel.orders.language.reading import Ask, Reading, Refuse, render
from sentinel.orders.language.reading_parser import NotRead, parse
from sentinel.orders.typed.order import Order
from tests.orders.public_readings import READINGS
from tests.orders.random_orders import RandomOrders


@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("count", [1_000, pytest.param(100_000, marks=pytest.mark.proof)])
def test_a_draft_means_its_reading(count: int, *, blocks: bool) -> None:
    orders = RandomOrders(61)
    for _ in range(count):
        order = orders.order()
        text = write_draft(order, blocks=blocks)
        assert read_draft(text, order.quote) == order, text


def test_a_reading_is_its_own_draft() -> None:
    for text in READINGS.values():
        assert read_draft(text, "USDC") == parse(text, "USDC")
    answers: list[Reading] = [*map(Ask, Question), *map(Refuse, Refusal)]
    for answer in answers:
        assert read_draft(write_draft(answer), "USDC") == answer


@pytest.mark.parametrize(
    ("draft", "reading"),
    [
        (
            "If the price of WETH is at most the high since entry of WETH less 7%, sell all of WETH.",
            "If the price of WETH is at most 93% of the high since entry of WETH, sell all of WETH.",
        ),
        (
            "If the price of WBTC is at least the mean of 20 block closes of WBTC plus 1.5%, sell 0.1 WBTC.",
            "If the price of WBTC is at least 101.5% of the mean of 20 12-second closes of WBTC, sell 0.1 WBTC.",
        ),
        ("Buy 1.5k USDC worth of WETH, every 300 blocks.", "Buy 1,500 USDC worth of WETH, every 1 hour."),
        (
            "If the change of WETH over 50 blocks is above 1%, buy 9.25k USDC worth of WETH, once.",
            "If the change of WETH over 10 minutes is above 1%, buy 9,250 USDC worth of WETH, once.",
        ),
        (
            "If the price of WETH is below the price of WETH when the order was set less 5%, buy WETH with all of the "
            "USDC, once.",
            "If the price of WETH is below 95% of the price of WETH when the order was set, buy WETH with all of the "
            "USDC, once.",
        ),
    ],
)
def test_what_a_draft_means(draft: str, reading: str) -> None:
    found = read_draft(draft, "USDC")
    assert isinstance(found, Order)
    assert render(found) == reading


def test_a_block_has_the_networks_length() -> None:
    found = read_draft("Buy 5 USDC worth of WETH, every 30 blocks.", "USDC", block_seconds=2)
    assert render(found) == "Buy 5 USDC worth of WETH, every 1 minute."  # type: ignore[arg-type]


def test_no_text_makes_it_raise() -> None:
    orders, chance = RandomOrders(62), random.Random(63)
    extra = (
        "k",
        "less",
        "plus",
        "7%",
        "0 blocks",
        "1.5 blocks",
        "9" * 400 + "k",
        "block closes",
        "-5%",
        "\ud800",
        "٣k",
    )
    for _ in range(1_000):
        words = write_draft(orders.order(), blocks=True).split(" ")
        for _ in range(3):
            words.insert(chance.randrange(len(words) + 1), chance.choice((*extra, *words)))
        assert isinstance(read_draft(" ".join(words), "USDC"), Order | NotRead | Ask | Refuse)
