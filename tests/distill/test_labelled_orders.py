"""Labelled orders: a wrong line is refused with its number, and a reading is graded by what it does."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import OperatorError
from sentinel.distill.evaluation.labelled_orders import BLOCK, NOW, QUOTE, Did, LabelledSituation, read_orders
from sentinel.distill.evaluation.order_grades import Graded, Scores, graded, outcome
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.reading import Ask, Reading, Refuse
from sentinel.orders.language.reading_parser import NotRead, parse
from sentinel.orders.typed.order import Order

HOLDINGS = {"WETH": 2, "WBTC": 0.1, QUOTE: 5000}
PRICES = {"WETH": 2000, "WBTC": 50000}


def reading(text: str) -> Reading:
    found = parse(text, QUOTE)
    assert not isinstance(found, NotRead), found
    return found


def facts(expect: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"price": PRICES, "holdings": HOLDINGS, "expect": expect, **more}


def labelled(expect: dict[str, Any], **more: Any) -> LabelledSituation:
    return LabelledSituation.model_validate(facts(expect, **more))


def trade(action: str, token: str, amount: float, tolerance: float = 1) -> dict[str, Any]:
    return {"action": action, "token": token, "amount_usdc": amount, "tolerance_pct": tolerance}


HOLD, ASK, REFUSE = ({"action": action} for action in ("hold", "ambiguous", "cannot"))
BUY = trade("buy", "WETH", 100)


def row(**changes: Any) -> dict[str, Any]:
    return {"id": "a", "kind": "dca", "text": "buy 100 of eth", "situations": [facts(BUY)], **changes}


def file_of(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no situations": (row(situations=[]), "situations"),
    "no words": (row(text="  "), "the order is empty"),
    "two lines of control characters": (row(text="buy\x07"), "cannot be printed"),
    "an unknown fact": (row(situations=[facts(HOLD, gas_price=3)]), "situations.0.gas_price"),
    "an unknown action": (row(situations=[facts({"action": "short"})]), "situations.0.expect.action"),
    "a trade without an amount": (row(situations=[facts({"action": "buy", "token": "WETH"})]), "amount_usdc"),
    "a hold with a token": (row(situations=[facts({"action": "hold", "token": "WETH"})]), "has no token"),
    "a negative price": (row(situations=[facts(HOLD, entry_price={"WETH": -1})]), "entry_price"),
    "no number": (row(situations=[{**facts(HOLD), "price": {"WETH": float("nan"), "WBTC": 1}}]), "price.WETH"),
    "a coin without a price": (row(situations=[{**facts(HOLD), "holdings": {"DOGE": 1}}]), "DOGE is held"),
    "a high of no entry": (row(situations=[facts(HOLD, high_since_entry={"WETH": 1})]), "no entry price"),
    "a reading that is none": (row(reading="Buy low."), "its reading is none"),
    "an id twice": (row(id="first"), "stands there twice"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_line_is_refused_with_its_number(name: str, tmp_path: Path) -> None:
    """What is not understood is an error with its origin; it is never left out."""
    wrong, why = WRONG[name]
    path = file_of(tmp_path / "orders.jsonl", row(id="first"), wrong)
    with pytest.raises(OperatorError, match=r"orders\.jsonl:2: ") as error:
        read_orders(path)
    assert why in str(error.value)


def test_a_line_that_is_no_json_is_refused(tmp_path: Path) -> None:
    """And so is a file without orders."""
    path = tmp_path / "orders.jsonl"
    path.write_text('{"id": \n')
    with pytest.raises(OperatorError, match=r"orders\.jsonl:1: the line: Invalid JSON"):
        read_orders(path)
    path.write_text("\n")
    with pytest.raises(OperatorError, match="holds no orders"):
        read_orders(path)


def test_rows_of_people_and_of_the_generator_are_read(tmp_path: Path) -> None:
    """One kind or several, with or without a split and a reading; other fields say nothing about what is right."""
    text = "buy 100 of eth\u2028now"
    generated = row(
        id="b", kinds=["dca", "gas"], split="seeds", reading="Buy 100 USDC worth of WETH, once.", rules=["x"]
    )
    one, two = read_orders(file_of(tmp_path / "orders.jsonl", row(text=text), generated))
    assert (one.kinds, one.split, one.reading, one.text) == (("dca",), "", None, "buy 100 of eth now")
    assert (two.kinds, two.split, two.reading) == (
        ("dca", "gas"),
        "seeds",
        reading("Buy 100 USDC worth of WETH, once."),
    )


def test_facts_become_the_players_situation() -> None:
    """Blocks are 12 seconds; closes end now; a gap of venues is one round trip of its own coin."""
    stated = labelled(
        HOLD,
        gas_gwei=20,
        entry_price={"WETH": 1900},
        recent_closes={"WETH": [1990, 2000]},
        price_ago={"WETH": {"300": 1800}},
        blocks_since_start=10,
        blocks_since_last_trade=5,
        spent_today=70,
        rsi14={"WETH": 28.5},
        venue_gap={"token": "WETH", "low_price": 2000, "high_price": 2020, "fees_bps": 60, "gas_usdc": 2},
    )
    order = reading("Buy 100 USDC worth of WETH, every 1 hour.")
    assert isinstance(order, Order)
    seen = stated.facts(order)
    assert (seen.gas_price, seen.bought_today) == (Decimal(20), Decimal(70))
    assert seen.set_at == NOW - 10 * BLOCK
    assert [fill.time for fill in seen.fills] == [NOW - 5 * BLOCK]
    assert (seen.closes["WETH"].times, seen.closes["WETH"].prices) == (
        (NOW - 300 * BLOCK, NOW - BLOCK, NOW),
        (1800.0, 1990.0, 2000.0),
    )
    assert list(seen.stated.values()) == [Decimal("28.5")]
    gap = seen.gap("WETH", Decimal(1000))
    assert gap is not None
    assert gap.profit == Decimal(1000) / 100 - 6 - 2
    assert seen.gap("WBTC", Decimal(1000)) is None


def test_fills_belong_to_the_clauses_that_can_trade_only_so_often() -> None:
    """One stated trade of an order with a stop and a single buy is the buy."""
    order = reading("If the price of WETH is at most 1,500 USDC, sell all of WETH. Buy 100 USDC worth of WETH, once.")
    assert isinstance(order, Order)
    assert [fill.clause for fill in labelled(HOLD, fills_so_far=1).facts(order).fills] == [1]


# ------------------------------------------------------------ outcomes


SELL = "Sell 100 USDC worth of WETH, once."
SWAP = "Swap 0.05 WETH for WBTC, once."
BOTH = {**trade("sell", "WETH", 100), "or": [trade("buy", "WBTC", 100)]}


@pytest.mark.parametrize(
    ("read", "expect", "right"),
    [
        ("Buy 100 USDC worth of WETH, once.", BUY, True),
        ("Buy 101 USDC worth of WETH, once.", BUY, True),
        ("Buy 101.1 USDC worth of WETH, once.", BUY, False),
        ("Buy 100 USDC worth of WBTC, once.", BUY, False),
        (SELL, BUY, False),
        (SELL, BOTH, True),
        (SWAP, BOTH, True),
        (SWAP, trade("swap", "WETH", 100), True),
        (SWAP, trade("sell", "WETH", 100), False),
        (SELL, trade("swap", "WETH", 100), False),
        ("Wait.", HOLD, True),
        ("Wait.", BUY, False),
        ("Wait.", ASK, False),
        ("Wait.", {**BUY, "or": [HOLD]}, True),
    ],
)
def test_an_order_is_right_if_a_label_says_what_it_does(read: str, expect: dict[str, Any], right: bool) -> None:
    """Side, coin and amount; a swap is labelled by both of its sides, or as a swap."""
    assert outcome(reading(read), labelled(expect)).right is right


@pytest.mark.parametrize(
    ("answer", "expect", "did", "right", "missed"),
    [
        (Ask(Question.SIZE), ASK, Did.ASK, True, False),
        (None, ASK, Did.ASK, True, False),
        (Ask(Question.SIZE), REFUSE, Did.ASK, False, False),
        (Ask(Question.SIZE), BUY, Did.ASK, False, True),
        (Refuse(Refusal.SHORT), REFUSE, Did.REFUSE, True, False),
        (Refuse(Refusal.SHORT), HOLD, Did.REFUSE, False, False),
        (None, {**BUY, "or": [HOLD]}, Did.ASK, False, False),
    ],
)
def test_a_question_or_a_refusal_trades_nothing(
    answer: Reading | None, expect: dict[str, Any], did: Did, right: bool, missed: bool
) -> None:
    """It is right where the label wants it. Without a reading the operator is asked."""
    seen = outcome(answer, labelled(expect))
    assert (seen.did, seen.right, seen.missed, seen.wrong_act) == (did, right, missed, False)


def test_scores_are_as_their_fields_say(tmp_path: Path) -> None:
    """Four orders of two situations: one right, one that trades wrongly, one asked about, one without a reading."""
    two = [facts(BUY), facts(HOLD, spent_today=1000)]
    rows = [row(id=str(number), situations=two) for number in range(4)]
    orders = read_orders(file_of(tmp_path / "orders.jsonl", *rows))
    right = reading("Buy 100 USDC worth of WETH, every 1 hour. Buy at most 1,000 USDC a day.")
    wrong = reading("Buy 100 USDC worth of WETH, every 1 hour.")
    answers: list[Reading | None] = [right, wrong, Ask(Question.SIZE), None]
    of: list[Graded] = [graded(order, answer) for order, answer in zip(orders, answers, strict=True)]
    scores = Scores.of(of).as_json()
    assert scores.pop("low") == pytest.approx(0.0456, abs=1e-4)
    assert scores.pop("high") == pytest.approx(0.6994, abs=1e-4)
    assert scores == {
        "orders_right": 0.25,
        "situations_right": 0.375,
        "acts": 3,
        "wrong_acts": 0.3333,
        "missed": 0.5,
        "asked": 0.5,
        "refused": 0.0,
        "coverage": 0.75,
    }
