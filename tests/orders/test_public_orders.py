"""The 30 public orders: each reading, written by hand, plays all four of its situations right."""

from __future__ import annotations

import pytest

from sentinel.distill.evaluation.labelled_orders import QUOTE, read_orders
from sentinel.distill.evaluation.order_grades import outcome
from sentinel.orders.language.reading import Ask, Refuse, render
from sentinel.orders.language.reading_parser import NotRead, parse
from tests.data import data_path
from tests.orders.public_readings import READINGS


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_is_canonical(name: str) -> None:
    """It has one meaning, and that is written in this way alone."""
    reading = parse(READINGS[name], QUOTE)
    assert not isinstance(reading, NotRead), reading
    assert render(reading) == READINGS[name]


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_plays_its_situations_right(name: str) -> None:
    """Four of four."""
    (order,) = [one for one in read_orders(data_path("orders", "public.jsonl")) if one.id == name]
    reading = parse(READINGS[name], QUOTE)
    assert not isinstance(reading, NotRead)
    for situation in order.situations:
        did = outcome(reading, situation)
        assert did.right, f"{did.why} is not {situation.expect}"
    assert len(order.situations) == 4


def test_every_public_order_has_a_reading() -> None:
    """All 30, of which one is to be asked about and one refused."""
    assert [one.id for one in read_orders(data_path("orders", "public.jsonl"))] == list(READINGS)
    kinds = [type(parse(text, QUOTE)) for text in READINGS.values()]
    assert (kinds.count(Ask), kinds.count(Refuse), len(kinds)) == (1, 1, 30)
