"""The battery tells orders apart by what they do, and equal ones never."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from sentinel.orders.battery.battery import MAX_SCENES, battery, effect
from sentinel.orders.battery.groups import differences, groups
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.reading import Ask, Refuse, render
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.order import Order
from tests.orders.corruptions import corruptions
from tests.orders.random_orders import RandomOrders
from tests.orders.test_grounding import public, worded

QUOTE = "USDC"


def order(text: str) -> Order:
    found = parse(text, QUOTE)
    assert isinstance(found, Order), found
    return found


def test_equal_orders_always_do_the_same() -> None:
    """Random orders, each against itself read back; and the same orders make the same battery."""
    orders = [RandomOrders(seed, ("WETH", "WBTC"), 20).order() for seed in range(6)]
    for one in orders:
        again = order(render(one))
        scenes = battery([one, orders[0]])
        assert effect(one, scenes) == effect(again, scenes)
        assert [scene.key for scene in scenes] == [scene.key for scene in battery([again, orders[0]])]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "If the price of WETH is below 1,500 USDC, buy 50 USDC worth of WETH, once. "
            "If the price of WETH is above 3,000 USDC, sell all of WETH, once.",
            "If the price of WETH is above 3,000 USDC, sell all of WETH, once. "
            "If the price of WETH is below 1,500 USDC, buy 50 USDC worth of WETH, once.",
        ),
        (
            "Buy 50 USDC worth of WETH, every 1 hour.",
            "Buy 50 USDC worth of WETH. Only while the time since the last trade is at least 1 hour.",
        ),
        (
            "If the price of WETH is below 1,500 USDC, sell all of WETH.",
            "If not (the price of WETH is at least 1,500 USDC), sell all of WETH.",
        ),
    ],
)
def test_other_words_for_the_same_are_one_reading(one: str, other: str) -> None:
    (group,) = groups([order(one), order(other)])
    assert (group.votes, group.share) == (2, 1.0)


def sample(count: int) -> list[tuple[str, Order, Order]]:
    """(mistake, an order, its wrong reading), with the same seed always the same."""
    pairs = [(kind, one, wrong) for _, one in [*public(), *worded()] for kind, wrong in corruptions(one)]
    return random.Random(16).sample(pairs, count)


# The wrong readings that do the same as the right ones: limits of buys where nothing is bought.
_ALIKE = ("Keep", "Never hold more than")


@pytest.mark.parametrize("count", [40, pytest.param(1_000, marks=pytest.mark.proof)])
def test_a_mistake_in_a_reading_is_another_reading(count: int) -> None:
    """At least 99 % of the readings with one mistake do something else in some scene."""
    made, found = Counter[str](), Counter[str]()
    for kind, one, wrong in sample(count):
        scenes = battery([one, wrong])
        assert len(scenes) <= MAX_SCENES
        made[kind] += 1
        found[kind] += effect(one, scenes) != effect(wrong, scenes) or _sells_only(one)
    assert sum(found.values()) >= 0.99 * count, made - found


def _sells_only(one: Order) -> bool:
    return "uy " not in render(one) and any(limit in render(one) for limit in _ALIKE)


def test_questions_and_refusals_are_groups_of_their_own() -> None:
    """By what is asked and why it is refused; the largest group comes first."""
    buy = order("Buy 50 USDC worth of WETH, once.")
    found = groups([Ask(Question.SIZE), buy, buy, Ask(Question.COIN), Refuse(Refusal.SHORT), Ask(Question.SIZE), buy])
    assert [(group.reading, group.votes) for group in found] == [
        (buy, 3),
        (Ask(Question.SIZE), 2),
        (Ask(Question.COIN), 1),
        (Refuse(Refusal.SHORT), 1),
    ]
    assert found[0].share == pytest.approx(3 / 7)
    assert groups([]) == []


def test_the_difference_of_two_groups_is_said_with_numbers() -> None:
    """Where the first situation is in which they differ."""
    found = differences(
        order("If the price of WETH is below 1,500 USDC, buy 50 USDC worth of WETH, once."),
        order("If the price of WETH is at most 1,500 USDC, buy 50 USDC worth of WETH, once."),
    )
    assert found == (
        "the first: nothing (the price of WETH (1,500.00 USDC) is not below 1,500 USDC). "
        "The other: the price of WETH (1,500.00 USDC) is at most 1,500 USDC: buy WETH for 50.00 USDC.",
    )
    costs = differences(
        order("Buy 50 USDC worth of WETH. Pay at most 5% of a trade in costs."), order("Buy 50 USDC worth of WETH.")
    )
    assert costs == ("the first accepts costs of 5%, the other of the settings' limit",)
