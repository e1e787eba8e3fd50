"""The process that plays one task of a backtest: `python -m sentinel.cli.backtest_worker FOLDER`."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from pathlib import Path

import uvloop

from sentinel.cli.backtest_signer import backtest_signer
from sentinel.core.errors import OperatorError, SentinelError
from sentinel.daemon import garbage_collection
from sentinel.paper.backtest.replay import played
from sentinel.paper.backtest.side_by_side import DONE, FAULT, RESULT, TASK
from sentinel.paper.backtest.task import Task


def main(folder: Path) -> int:
    """Play the task in the folder; write its result there, or the fault that ended it."""
    task = Task.loads((folder / TASK).read_text())
    garbage_collection.freeze_heap()
    begun, used = time.perf_counter(), _cpu_seconds()
    try:
        with (folder / DONE).open("ab", buffering=0) as done:
            result = uvloop.run(played(task, folder, backtest_signer, lambda _: done.write(b".")))
    except SentinelError as error:
        fault = {"operator": isinstance(error, OperatorError), "text": str(error)}
        (folder / FAULT).write_text(json.dumps(fault))
        return 1
    spent = {"wall": time.perf_counter() - begun, "cpu": _cpu_seconds() - used}
    draft = folder / f"{RESULT}.draft"
    draft.write_text(dataclasses.replace(result, timings={**result.timings, **spent}).dumps())
    draft.replace(folder / RESULT)
    return 0


def _cpu_seconds() -> float:
    """Of this process, and of its children that have ended: the chain is one."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
