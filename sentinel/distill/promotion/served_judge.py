"""The judge of a promotion: real vLLM serves the student, and its votes of readings and of programs are graded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop

from sentinel.agent.sandbox import Sandbox
from sentinel.agent.vllm_server import served
from sentinel.distill.evaluation.evaluate_orders import Readers, evaluate
from sentinel.distill.evaluation.kept_answers import KeptAnswers
from sentinel.distill.evaluation.labelled_orders import LabelledOrder
from sentinel.distill.evaluation.order_grades import Graded
from sentinel.distill.evaluation.served_programs import ServedPrograms
from sentinel.distill.evaluation.served_reader import ServedReader
from sentinel.distill.promotion.students import identity
from sentinel.distill.working import WORK, console, progress_bar


@dataclass(frozen=True, slots=True)
class ServedJudge:
    """Judges students one after another. Answers are kept by student, so that a judging that was stopped goes on."""

    samples: int = 8  # readings, and programs, of each order
    work: Path = WORK

    def grades(self, folder: Path, orders: Sequence[LabelledOrder]) -> Mapping[str, Sequence[Graded]]:
        """The grades of each arm, in the order of `orders`. Raises OperatorError, ModelUnavailable."""
        return uvloop.run(self.graded(folder, orders))

    async def graded(self, folder: Path, orders: Sequence[LabelledOrder]) -> Mapping[str, Sequence[Graded]]:
        """As `grades`, in a running loop."""
        self.work.mkdir(parents=True, exist_ok=True)
        kept = KeptAnswers(self.work / f"promotion-{identity(folder)}.answers.jsonl")
        console.print(f"starting vLLM with the student in {folder} (a minute, or several on a busy machine)")
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(served(folder, log=self.work / "vllm.log"))
            reader = await stack.enter_async_context(ServedReader(server.url, kept))
            sandbox = stack.enter_context(Sandbox())
            programs = await stack.enter_async_context(ServedPrograms(server.url, kept, sandbox))
            bar = stack.enter_context(progress_bar())
            task = bar.add_task("read orders", total=len(orders))
            return await evaluate(orders, Readers(reader, None, self.samples, programs), lambda: bar.advance(task))
