"""A double of the student: a sampler that returns the teacher's program of an order, whatever it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sentinel.agent.action_format import render_action
from sentinel.agent.order_program import program
from sentinel.core.actions import Finish, Sample
from sentinel.orders.order import Order
from sentinel.orders.reading import render
from sentinel.orders.reading_parser import parse


@dataclass
class TaughtSampler:
    """It says so: its source is no student's. `others` are turns that some samples get in the program's place."""

    source: str = "double:teacher"
    others: Sequence[str] = ()
    asked: list[tuple[Sequence[Mapping[str, str]], int, str, int]] = field(default_factory=list)

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        """The order is that of the first thought, as for the student."""
        self.asked.append((messages, n, prefill, after))
        order = parse(prefill.removeprefix("Thought: "), "USDC")
        assert isinstance(order, Order), order
        turn = render_action(render(order), program(order))
        texts = [*self.others[:n], *[turn] * (n - len(self.others[:n]))]
        return [Sample(0, index, text, 40, Finish.STOP) for index, text in enumerate(texts)]
