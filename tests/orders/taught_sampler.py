"""A double of the student: a sampler that returns the teacher's program of an order, and notes what it was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sentinel.core.actions import Sample
from sentinel.distill.teaching.order_teacher import OrderTeacher


@dataclass
class TaughtSampler:
    """It says so: its source is no student's. `others` are turns that the first samples get in the program's place."""

    source: str = "double:teacher"
    others: Sequence[str] = ()
    asked: list[tuple[Sequence[Mapping[str, str]], int, str, int]] = field(default_factory=list)

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        """The order is that of the first thought, as for the student."""
        self.asked.append((messages, n, prefill, after))
        taught = await OrderTeacher().sample(messages, n, prefill)
        return [replace(sample, text=text) for sample, text in zip(taught, self.others, strict=False)] + [
            *taught[len(self.others) :]
        ]
