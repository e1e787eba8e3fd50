"""Let a teacher read orders and write their programs. Every answer is kept; `select` drops the wrong ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.distill.collecting.answer_file import Answer, AnswerFile, Task
from sentinel.distill.collecting.taught_order import TaughtOrder
from sentinel.orders.typed.order import Order

GIVE_UP = 8  # consecutive requests without a usable answer


class Teacher(Protocol):
    """Reads orders and writes programs."""

    model: str
    concurrent: int  # max requests at the same time

    async def read(self, text: str, sample: int) -> Sample:
        """The `sample`-th draft of the reading of an operator's words. Raises ModelUnavailable."""
        ...

    async def program(self, order: Order, sample: int) -> Sample:
        """The `sample`-th program of an order. Raises ModelUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One answer that is wanted."""

    order: TaughtOrder
    task: Task
    sample: int


@dataclass(slots=True)
class Progress:
    """How far a collection is."""

    answers: int = 0  # of this run
    unanswered: int = 0  # requests without an answer; the next run makes them again
    in_a_row: int = 0  # consecutive ones


def requests(orders: Iterable[TaughtOrder], tasks: Collection[Task], samples: int) -> Iterator[Request]:
    """All requests. Questions and refusals have no program."""
    for order in orders:
        for task in tasks:
            if task is Task.READING or isinstance(order.reading, Order):
                yield from (Request(order, task, sample) for sample in range(samples))


async def collect(
    wanted: Sequence[Request],
    teacher: Teacher,
    answers: AnswerFile,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Add the answers that are missing. Those that came stay even if this fails.

    Raises OperatorError if the teacher gives no answer, or if the file holds another model's answers.
    """
    if other := answers.models - {teacher.model}:
        raise OperatorError(f"the file holds answers of {', '.join(sorted(other))}: name another file")
    done = Progress()
    missing = iter([one for one in wanted if (one.order.id, one.task, one.sample) not in answers.done])

    async def work() -> None:
        for request in missing:  # shared: each request is made by one worker
            try:
                sample = await _asked(request, teacher)
            except ModelUnavailable as error:
                done.unanswered += 1
                done.in_a_row += 1
                if done.in_a_row >= GIVE_UP:
                    raise OperatorError(
                        f"the teacher gave no usable answer {GIVE_UP} times in a row; the last error: {error}"
                    ) from error
            else:
                answers.add(_answer(request, teacher.model, sample))
                done.answers += 1
                done.in_a_row = 0
            progress(done)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(teacher.concurrent):
                group.create_task(work())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return done


async def _asked(request: Request, teacher: Teacher) -> Sample:
    reading = request.order.reading
    if request.task is Task.PROGRAM and isinstance(reading, Order):
        return await teacher.program(reading, request.sample)
    return await teacher.read(request.order.text, request.sample)


def _answer(request: Request, model: str, sample: Sample) -> Answer:
    whole = sample.finish is Finish.STOP
    return Answer(
        order=request.order.id, task=request.task, sample=request.sample, model=model, whole=whole, text=sample.text
    )
