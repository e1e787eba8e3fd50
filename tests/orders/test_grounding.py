"""Grounding: readings that say what the words say pass, and readings with one mistake are found out."""

from __future__ import annotations

from collections import Counter

import pytest

from sentinel.distill.evaluation.labelled_orders import QUOTE, read_orders
from sentinel.orders.grounding.grounding import ground, ungrounded
from sentinel.orders.language.drafts import read_draft
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.order import Order
from tests.data import data_path
from tests.orders.corruptions import corruptions
from tests.orders.public_readings import READINGS
from tests.orders.worded_orders import WORDED


def public() -> list[tuple[str, Order]]:
    texts = {one.id: one.text for one in read_orders(data_path("orders", "public.jsonl"))}
    readings = [(texts[name], parse(reading, QUOTE)) for name, reading in READINGS.items()]
    return [(text, reading) for text, reading in readings if isinstance(reading, Order)]


def worded() -> list[tuple[str, Order]]:
    readings = [(text, read_draft(draft, QUOTE)) for text, draft in WORDED]
    return [(text, reading) for text, reading in readings if isinstance(reading, Order)]


def test_every_draft_of_this_test_is_an_order() -> None:
    assert len(worded()) == len(WORDED) >= 40


@pytest.mark.parametrize(("text", "order"), [*public(), *worded()])
def test_a_right_reading_is_grounded(text: str, order: Order) -> None:
    assert ungrounded(text, order) == ()


# Of 100 mistakes of a kind, how many are found at least. Words often leave open whether equality counts.
FOUND = {
    "number changed": 97,
    "numbers swapped": 90,
    "coin swapped": 96,
    "all coins swapped": 100,
    "side swapped": 90,
    "direction reversed": 85,
    "strictness changed": 40,
    "clause dropped": 85,
    "limit dropped": 100,
    "when dropped": 100,
    "every dropped": 100,
    "times dropped": 75,
    "slices dropped": 100,
    "lasting dropped": 100,
}


@pytest.mark.parametrize("orders", [public, worded])
def test_a_mistake_is_found_out(orders: object) -> None:
    """By kind of mistake, on orders that had a part in the making of the rules and on others."""
    assert callable(orders)
    found, made = Counter[str](), Counter[str]()
    for text, order in orders():
        for kind, wrong in corruptions(order):
            made[kind] += 1
            found[kind] += bool(ungrounded(text, wrong))
    share = {kind: 100 * found[kind] / made[kind] for kind in made}
    assert set(share) <= set(FOUND)
    assert {kind: round(one) for kind, one in share.items() if one < FOUND[kind]} == {}
    assert sum(found.values()) >= 0.93 * sum(made.values()) > 400


@pytest.mark.parametrize(
    ("text", "reading", "why"),
    [
        ("buy 50 usdc of eth", "Buy 500 USDC worth of WETH, once.", "the words do not say a size of 500"),
        ("buy 50 usdc of eth at 1,800", "Buy 50 USDC worth of WETH, once.", "'1,800' is left out"),
        ("buy 50 usdc of doge", "Buy 50 USDC worth of WETH, once.", "DOGE is left out"),
        ("sell 50 usdc of eth", "Buy 50 USDC worth of WETH, once.", "the words sell, and it does not"),
        ("buy 50 usdc of eth", "Buy 50 USDC worth of WETH.", "the words do not say that it stands"),
        ("buy 50 usdc of eth unless gas is high", "Buy 50 USDC worth of WETH, once.", "the words mention gas"),
        (
            "buy 100 at 1900 and 300 at 1700, eth",
            "If the price of WETH is at most 1900 USDC, buy 300 USDC worth of WETH, once. "
            "If the price of WETH is at most 1700 USDC, buy 100 USDC worth of WETH, once.",
            "the words pair sizes and levels in another way",
        ),
        (
            "eth under 1,500? buy 80 usdc worth",
            "If the price of WETH is at most 1500 USDC, buy 80 USDC worth of WETH, once.",
            "the words use 1,500 in another way",
        ),
    ],
)
def test_a_complaint_says_what_is_wrong(text: str, reading: str, why: str) -> None:
    order = parse(reading, QUOTE)
    assert isinstance(order, Order)
    assert why in ungrounded(text, order)


def test_what_is_taken_for_granted_is_said() -> None:
    """Each default is a sentence of the read-back."""
    order = parse("If the price of WETH is at most 92% of the entry price of WETH, sell all of WETH.", QUOTE)
    assert isinstance(order, Order)
    assert "Without a size it is the whole position of that coin." in ground("stop on eth, 8%", order).defaults
    rsi = parse("If the RSI of 14 1-minute closes of WETH is below 20, buy 90 USDC worth of WETH, once.", QUOTE)
    assert isinstance(rsi, Order)
    assert "An RSI counts 14 closes, one a minute." in ground("eth rsi under 20: buy 90", rsi).defaults


def test_blocks_are_those_of_the_network() -> None:
    order = parse("If the change of WETH over 1 minute is at least 2%, buy 90 USDC worth of WETH, once.", QUOTE)
    assert isinstance(order, Order)
    text = "buy 90 of eth when it is up 2% or more in 30 blocks"
    assert ungrounded(text, order, block_seconds=2) == ()
    assert ungrounded(text, order) == ("the words do not say 1 minute ago", "'30 blocks' is left out")
