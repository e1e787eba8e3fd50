"""An approved order -> the messages that ask the student for its program. The same code for serving and for training:
mismatched renderers ruin a distillation.

The prompt carries the operator's words and nothing of the market. The assistant's turn begins with the first thought,
the approved reading in its canonical form; the student writes the code.
"""

from __future__ import annotations

from sentinel.agent.action_format import prefill, render_action
from sentinel.agent.order_program import program
from sentinel.agent.prompt import Message
from sentinel.orders.language.reading import render
from sentinel.orders.typed.order import Order

SYSTEM = "Trade by the order."


def trade_messages(text: str) -> list[Message]:
    """The request. `text` is the operator's words, as one line."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": " ".join(text.split())}]


def trade_prefill(order: Order) -> str:
    """How the assistant's turn begins."""
    return prefill(render(order))


def trade_row(text: str, order: Order) -> list[Message]:
    """A training row: the request, and the turn of the teacher of orders."""
    turn = render_action(render(order), program(order))
    return [*trade_messages(text), {"role": "assistant", "content": turn}]
