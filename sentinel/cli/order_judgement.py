"""The operator's own yes to what the student alone would judge, without which no such order is approved."""

from __future__ import annotations

from typing import Annotated

import typer

from sentinel.core.errors import OperatorError
from sentinel.orders.typed.order import Order

AcceptJudgement = Annotated[
    bool,
    typer.Option(
        "--accept-judgement", help="Accept that the student alone decides what the order leaves to its judgement."
    ),
]


def accepted(order: Order, *, given: bool, asks: bool) -> bool:
    """Whether the operator accepts the order's judgements; True if it has none. `given`: by the option.

    Raises OperatorError if nobody can be asked.
    """
    if given or not order.judgements:
        return True
    phrases = " and ".join(f'"{phrase}"' for phrase in order.judgements)
    if not asks:
        raise OperatorError(f"the student alone would judge {phrases}: --accept-judgement accepts that")
    return typer.confirm(f"The student alone judges {phrases}, within the limits. Accept that?", default=False)
