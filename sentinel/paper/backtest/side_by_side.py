"""Plays the tasks of a backtest side by side, each in a process of its own that ends with this one."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from sentinel.core.errors import OperatorError, Unavailable
from sentinel.core.host.process import Child
from sentinel.paper.backtest.played import Played
from sentinel.paper.backtest.task import Task

WORKER = "sentinel.cli.backtest_worker"  # the command line alone loads what signs
POLL = 0.2  # seconds
TASK, RESULT, FAULT, DONE = "task.json", "result.json", "fault.json", "done"  # files of a task's folder

Progress = Callable[[int], None]  # the number of minutes that are done, of all tasks


async def played_side_by_side(tasks: Sequence[Task], jobs: int, progress: Progress) -> list[Played]:
    """What each task gave, in order; at most `jobs` run at a time. No file and no process is left, however it ends.

    Raises OperatorError and Unavailable with the words of the task that failed first; the others are stopped.
    """
    home = Path(tempfile.mkdtemp(prefix="sentinel-backtest-"))
    slots, done = asyncio.Semaphore(jobs), [0] * len(tasks)

    async def one(place: int, task: Task) -> Played:
        folder = home / str(place)

        def count() -> None:
            path = folder / DONE
            done[place] = path.stat().st_size if path.exists() else done[place]
            progress(sum(done))

        async with slots:
            folder.mkdir()
            try:
                return await _played(task, folder, count)
            finally:
                done[place] = len(task.closes)
                shutil.rmtree(folder, ignore_errors=True)

    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one(place, task)) for place, task in enumerate(tasks)]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        shutil.rmtree(home, ignore_errors=True)
    progress(sum(done))
    return [task.result() for task in running]


async def _played(task: Task, folder: Path, count: Callable[[], None]) -> Played:
    (folder / TASK).write_text(task.dumps())
    log = folder / "worker.log"
    async with Child("backtest", [sys.executable, "-P", "-m", WORKER, str(folder)], log=log, stop_within=2.0) as child:
        ended = asyncio.create_task(child.wait())
        try:
            while not (await asyncio.wait({ended}, timeout=POLL))[0]:
                count()
        finally:
            ended.cancel()
    if (result := folder / RESULT).exists():
        return Played.loads(result.read_text())
    if (fault := folder / FAULT).exists():
        told = json.loads(fault.read_text())
        raise (OperatorError if told["operator"] else Unavailable)(told["text"])
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    last = next((line for line in reversed(lines) if line.strip()), "it left no word")
    raise Unavailable(f"the process that played {task.name} ended early: {last[:300]}")
