"""The teacher of orders as a sampler: writes the program of the order whose reading is the first thought.

It takes a student's place where the way of a program is tried or measured without a model, and says so by its source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentinel.agent.action_format import THOUGHT, render_action
from sentinel.agent.order_program import program
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import OperatorError
from sentinel.core.network import Symbol
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.order import Order


@dataclass(frozen=True, slots=True)
class OrderTeacher:
    """Deterministic: its n samples do the same. `apart` gives each a text of its own, by a comment, so that each runs
    by itself in the sandbox."""

    quote: Symbol = "USDC"
    apart: bool = False
    source: str = "oracle"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        """n turns that begin with `prefill`. Raises OperatorError if that is no reading of an order."""
        reading = prefill.removeprefix(THOUGHT)
        order = parse(reading, self.quote)
        if not isinstance(order, Order):
            raise OperatorError(f"the first thought is no order: {reading}")
        code = program(order)
        codes = [f"{code}\n# {index}" if self.apart else code for index in range(n)]
        return [Sample(0, index, render_action(reading, text), 0, Finish.STOP) for index, text in enumerate(codes)]
