"""Training rows and serving requests of a trading student are the same bytes."""

from __future__ import annotations

import json

import pytest

from sentinel.agent.action_format import CLOSE, OPEN, STOP
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.order_program import program
from sentinel.agent.parse import parse
from sentinel.agent.trade_prompt import trade_messages, trade_prefill, trade_row
from sentinel.orders.language.reading import render
from sentinel.orders.language.reading_parser import parse as read
from sentinel.orders.typed.order import Order
from tests.orders.random_orders import RandomOrders

WORDS = "stack fifty bucks\n of ether  every hour, ta"


def served(text: str, order: Order) -> tuple[str, str]:
    """The messages of a request, and the turn that it begins, as they are sent."""
    body = StudentModel("http://127.0.0.1:1/v1", "s", Sampling(seed=1))._request(
        trade_messages(text), 8, trade_prefill(order), 0
    )
    assert (body["add_generation_prompt"], body["continue_final_message"]) == (False, True)
    *request, turn = body["messages"]
    return json.dumps(request), turn["content"]


@pytest.mark.parametrize("seed", range(50))
def test_a_row_is_what_is_served(seed: int) -> None:
    """Byte for byte: the request, and the turn up to where the student goes on; the rest is the teacher's program."""
    order = RandomOrders(seed).order()
    request, begun = served(WORDS, order)
    *before, turn = trade_row(WORDS, order)
    assert json.dumps(before) == request
    assert (turn["role"], begun) == ("assistant", f"Thought: {render(order)}")
    assert turn["content"] == f"{begun}\n{OPEN}{program(order)}{CLOSE}{STOP}"
    assert parse(turn["content"]) == program(order)


def test_the_prompt_holds_the_operators_words_on_one_line() -> None:
    """Nothing of the market, and no line of its own that a text could add."""
    order = read("Buy 50 USDC worth of WETH, every 1 hour.", "USDC")
    assert isinstance(order, Order)
    assert trade_messages(WORDS) == [
        {"role": "system", "content": "Trade by the order."},
        {"role": "user", "content": "stack fifty bucks of ether every hour, ta"},
    ]
    assert program(order) == 'buy("WETH", 50, every=hours(1))'
