"""Words and drafts that no one writes by accident: each ends with an answer, and what they say is not lost."""

from __future__ import annotations

import random

import pytest

from sentinel.orders.grounding.grounding import ground
from sentinel.orders.grounding.said import said
from sentinel.orders.language.drafts import read_draft
from sentinel.orders.language.reading_parser import NotRead
from sentinel.orders.typed.order import Order

DAILY = "Buy 50 USDC worth of WETH, every 1 day."
PIECES = (
    "09:00",
    "2026-12-24 18:00",
    "24 December 2026",
    "1.2.3",
    "5'000",
    "12:",
    ":30",
    "7%",
    "1/0",
    "two",
    "hundred",
)
WORDS = (
    *PIECES,
    "two",
    "hundred",
    "thousand",
    "buy",
    "eth",
    "every",
    "day",
    "$",
    "-",
    "k",
    "half",
    "of",
    "a",
    "9" * 60,
    ".5",
    "1e9",
)


@pytest.mark.parametrize("when", ["09:00", "2026-12-24 18:00", "at 18:00"])
def test_a_time_of_day_is_not_dropped_in_silence(when: str) -> None:
    """No order has one, so a reading of these words leaves something out, and is not grounded."""
    order = read_draft(DAILY, "USDC")
    assert isinstance(order, Order)
    assert ground("buy 50 usdc of eth every day", order).complaints == ()
    assert ground(f"buy 50 usdc of eth every day {when}", order).complaints


def test_no_words_make_the_reader_raise() -> None:
    chance = random.Random(64)
    order = read_draft(DAILY, "USDC")
    assert isinstance(order, Order)
    for text in ("two hundred " * 80, "a dozen " * 120, "9" * 1_000):
        ground(text[:1_000], order)
    for _ in range(1_500):
        text = " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, 12)))
        said(text)
        ground(text, order)


def test_a_draft_that_is_too_long_is_none() -> None:
    """Before any of its numbers is computed with."""
    assert isinstance(read_draft(f"Buy 50 USDC worth of WETH, every {'9' * 4_400} blocks.", "USDC"), NotRead)
