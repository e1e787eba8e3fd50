"""An approved order that lacks an allowance -> the messages that ask the student for the approval it needs.

The same code for serving and for training. The first thought is the order's reading, as for its programs.
"""

from __future__ import annotations

from sentinel.agent.action_format import render_action
from sentinel.agent.prompt import Message
from sentinel.core.network import Symbol
from sentinel.orders.language.reading import render
from sentinel.orders.language.words import number
from sentinel.orders.playing.spending import spending
from sentinel.orders.typed.order import Order

SYSTEM = "Approve for the order."


def approve_messages(text: str, token: Symbol) -> list[Message]:
    """The request. `text` is the operator's words; `token` is what the next trade lacks an allowance of."""
    content = f"{' '.join(text.split())}\nNeeded: {token}"
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]


def approve_program(order: Order, token: Symbol) -> str:
    """The teacher's: what all trades can take, or all that is held if the order sets no bound."""
    most = spending(order).get(token)
    if most is None:
        return f'approve("{token}", "all")'
    amount = number(most).replace(",", "")
    return f'approve("{token}", {amount})' if token == order.quote else f'approve("{token}", "{amount} {token}")'


def approve_row(text: str, order: Order, token: Symbol) -> list[Message]:
    """A training row: the request, and the teacher's turn."""
    turn = render_action(render(order), approve_program(order, token))
    return [*approve_messages(text, token), {"role": "assistant", "content": turn}]
