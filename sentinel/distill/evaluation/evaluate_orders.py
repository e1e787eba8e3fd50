"""Grade readers of orders in words on labelled orders: the student, its parts, and what it is measured against.

Arms:
- `student`: reads with several samples, the ungrounded fall out, and the largest group decides; a tie asks.
- `student_approved`: a simulated operator approves the first of at most five groups that is right in all situations.
  It uses the labels, so it says what a careful operator could get, not what Sentinel does alone.
- `greedy`: one draft at temperature 0. `one_sample`: the first of the student's samples. Neither is grounded or voted.
- `rules`: the rule-based reader. `hold`: never trades. `oracle`: the true reading, where each line has it.
- `base`: one draft at temperature 0 by the untuned base, with the student's prompt.
- `programs`: the student trades the true reading by a vote of its programs, behind the order guard, as the daemon does.
  `programs_unguarded`: the same without the guard. No daemon trades so; it shows what the guard stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sentinel.agent.reading_report import SHOWN
from sentinel.distill.evaluation import rules_reader
from sentinel.distill.evaluation.labelled_orders import QUOTE, LabelledOrder
from sentinel.distill.evaluation.order_grades import Graded, Scores, graded
from sentinel.distill.evaluation.served_programs import ServedPrograms
from sentinel.distill.evaluation.served_reader import ServedReader
from sentinel.orders.language.reading import Reading
from sentinel.orders.typed.actions import Wait
from sentinel.orders.typed.order import Clause, Order

CONCURRENT = 4  # orders for which a model is asked at the same time
HOLD = Order(QUOTE, (Clause(Wait()),))

ARMS = (
    *("student", "student_approved", "greedy", "one_sample", "programs", "programs_unguarded"),
    *("rules", "base", "hold", "oracle"),
)
OF_STUDENT, OF_PROGRAMS = ARMS[:4], ARMS[4:6]


@dataclass(frozen=True, slots=True)
class Readers:
    """The models that are served. Arms of a model that is not there are left out."""

    student: ServedReader | None = None
    base: ServedReader | None = None
    samples: int = 8  # of the student, for each order
    programs: ServedPrograms | None = None  # of the same student


async def evaluate(
    orders: Sequence[LabelledOrder], readers: Readers, progress: Callable[[], None] = lambda: None
) -> dict[str, list[Graded]]:
    """The grades of each arm, in the order of `orders`. `progress` is called after each order.

    Raises ModelUnavailable; what was answered until then is kept.
    """
    arms = arms_of(orders, readers)
    turns = asyncio.Semaphore(CONCURRENT)

    async def one(order: LabelledOrder) -> Mapping[str, Graded]:
        async with turns:
            answers = {**_without_model(order), **await _by_models(order, readers)}
            grades = {arm: graded(order, reading) for arm, reading in answers.items()}
            if readers.programs is not None and order.reading is not None:
                grades |= zip(OF_PROGRAMS, await readers.programs.graded(order, readers.samples), strict=True)
        progress()
        return grades

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(order)) for order in orders]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return {arm: [task.result()[arm] for task in tasks] for arm in arms}


def arms_of(orders: Iterable[LabelledOrder], readers: Readers) -> list[str]:
    """The arms that can be graded."""
    absent: set[str] = set()
    if readers.student is None:
        absent.update(OF_STUDENT)
    if readers.base is None:
        absent.add("base")
    if readers.programs is None:
        absent.update(OF_PROGRAMS)
    if any(order.reading is None for order in orders):
        absent.update(("oracle", *OF_PROGRAMS))
    return [arm for arm in ARMS if arm not in absent]


def left_out(arms: Iterable[str]) -> list[str]:
    """A line for each reason why arms are not there."""
    given = set(arms)
    reasons = (
        (OF_STUDENT, "no student is served: --url URL"),
        (OF_PROGRAMS, "no programs are asked for: --programs with --url URL, and a reading in each line"),
        (("base",), "no base is served: --base-url URL"),
        (("oracle",), "not every line has a reading"),
    )
    return [f"left out: {', '.join(names)} ({why})" for names, why in reasons if not given.issuperset(names)]


def report(grades: Mapping[str, Sequence[Graded]]) -> dict[str, object]:
    """What `--json` prints on its last line."""
    (orders,) = {len(of) for of in grades.values()}
    return {"orders": orders, "arms": {arm: Scores.of(of).as_json() for arm, of in grades.items()}}


def _without_model(order: LabelledOrder) -> dict[str, Reading | None]:
    return {"rules": rules_reader.read(order.text), "hold": HOLD, "oracle": order.reading}


async def _by_models(order: LabelledOrder, readers: Readers) -> dict[str, Reading | None]:
    answers: dict[str, Reading | None] = {}
    if (student := readers.student) is not None:
        answers["student"], shown = await student.voted(order.text, readers.samples)
        answers["student_approved"] = next((it for it in shown[:SHOWN] if graded(order, it).right), None)
        answers["one_sample"] = await student.first(order.text, readers.samples)
        answers["greedy"] = await student.greedy(order.text)
    if readers.base is not None:
        answers["base"] = await readers.base.greedy(order.text)
    return answers
