"""Evaluate readers of orders: open the file and the served models, keep the answers, show the progress."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from sentinel.agent.sandbox import Sandbox
from sentinel.distill.evaluation.evaluate_orders import Readers, arms_of, evaluate, left_out
from sentinel.distill.evaluation.kept_answers import KeptAnswers
from sentinel.distill.evaluation.labelled_orders import LabelledOrder, read_orders
from sentinel.distill.evaluation.order_grades import Graded
from sentinel.distill.evaluation.served_programs import ServedPrograms
from sentinel.distill.evaluation.served_reader import ServedReader
from sentinel.distill.working import WORK, console, progress_bar


def run_evaluate_orders(
    file: Path,
    *,
    url: str = "",
    base_url: str = "",
    name: str = "",
    samples: int = 8,
    answers: Path | None = None,
    programs: bool = False,
) -> dict[str, list[Graded]]:
    """Grade each arm on the labelled orders of `file`. A line on standard error says which arms are left out and why.

    `url` and `base_url` are the endpoints of the served student and base; each ends in /v1. `name` is the student's,
    needed only if its endpoint serves several models. The models' answers are kept in `answers`, so that a run that was
    stopped goes on. `programs` asks the student for programs too. Raises OperatorError, ModelUnavailable.
    """
    orders = read_orders(file)
    kept = KeptAnswers(answers or answers_beside(file)) if url or base_url else None
    return uvloop.run(_evaluate(orders, url, name, base_url, samples, kept, programs))


def answers_beside(file: Path) -> Path:
    """The file of kept answers for a file of orders; in the build folder if the orders lie where nothing is written."""
    beside = file.with_name(f"{file.stem}.answers.jsonl")
    try:
        beside.open("ab").close()
    except OSError:
        return WORK / beside.name
    return beside


async def _evaluate(
    orders: Sequence[LabelledOrder],
    url: str,
    name: str,
    base_url: str,
    samples: int,
    kept: KeptAnswers | None,
    programs: bool,
) -> dict[str, list[Graded]]:
    async with AsyncExitStack() as stack:

        async def opened(url: str, name: str = "") -> ServedReader | None:
            return await stack.enter_async_context(ServedReader(url, kept, name)) if url and kept is not None else None

        trading = None
        if url and kept is not None and programs:
            sandbox = stack.enter_context(Sandbox())
            trading = await stack.enter_async_context(ServedPrograms(url, kept, sandbox, name))
        readers = Readers(await opened(url, name), await opened(base_url), samples, trading)
        for line in left_out(arms_of(orders, readers)):
            console.print(line, markup=False)
        with progress_bar() as bar:
            task = bar.add_task("read orders", total=len(orders))
            return await evaluate(orders, readers, lambda: bar.advance(task))
