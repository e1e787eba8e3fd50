"""Collect a teacher's answers and select the right ones: open the files and the endpoint, show the progress."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from sentinel.agent.order_code import OrderRunner
from sentinel.agent.sandbox import MAX_RUN_TIMEOUT, Sandbox
from sentinel.distill.collecting.answer_file import Task, opened, read_answers
from sentinel.distill.collecting.collect import Progress, collect, requests
from sentinel.distill.collecting.selection import select
from sentinel.distill.collecting.taught_order import read_taught
from sentinel.distill.teaching.teacher import LlmTeacher, TeacherEndpoint, UsageMeter
from sentinel.distill.working import progress_bar


def run_collect(
    orders: Path, out: Path, endpoint: TeacherEndpoint, tasks: Collection[Task], samples: int
) -> dict[str, int]:
    """Add the missing answers of the teacher at `endpoint` to `out`.

    Returns the counts of answers, requests and tokens; the latter two are of all runs into the file. Raises
    OperatorError, SettingsError.
    """
    wanted = list(requests(read_taught(orders).values(), tasks, samples))
    spent = out.with_suffix(".spent.json")
    with opened(out) as answers, progress_bar() as bar:
        meter = UsageMeter.load(spent)
        before = len(answers.done)
        task = bar.add_task("collect", total=len(wanted), completed=before)

        def passed(done: Progress) -> None:
            tokens = meter.prompt_tokens + meter.completion_tokens
            bar.update(task, completed=before + done.answers, description=f"collect {tokens:,} tokens")
            meter.save(spent)

        async def work() -> Progress:
            async with LlmTeacher(endpoint, meter) as teacher:
                return await collect(wanted, teacher, answers, passed)

        done = uvloop.run(work())
        return {"answers": len(answers.done), "unanswered": done.unanswered, **asdict(meter)}


def run_select(orders: Path, answers: Path, out: Path) -> dict[str, Any]:
    """Write the right answers to `out` as training rows. Returns the report. Raises OperatorError."""
    taught, given = read_taught(orders), read_answers(answers)
    with Sandbox(workers=1, seconds=MAX_RUN_TIMEOUT) as sandbox:
        return uvloop.run(select(taught, given, out, OrderRunner.on(sandbox)))
