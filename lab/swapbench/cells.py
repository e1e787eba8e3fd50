"""Cells of the table: each is one student (kind of lesson, size, seed) with the grades of its arms, as JSON.

A cell with a file is not made again, and an interrupted one resumes from its checkpoint. Parallel runs share the work:
each takes the cells that no other run has locked.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import uvloop
from rich.progress import Progress as Bar

from lab import CHECKOUT
from lab.swapbench import posed_states
from lab.swapbench.answers import EIGHT, ONE, SAMPLED, StudentAnswer, answer
from lab.swapbench.batched import SamplingPlan
from lab.swapbench.grades import Grade, grade
from lab.swapbench.lessons import Lesson, teach
from lab.swapbench.posed_states import PosedState
from sentinel.agent.sandbox import MAX_RUN_TIMEOUT, Sandbox
from sentinel.core.errors import OperatorError
from sentinel.distill import recipe, trajectory_store

ARMS: Mapping[str, tuple[str, SamplingPlan]] = {  # arm -> kind of its student and how it is sampled
    "cot": ("cot", ONE),
    "cot_sc": ("cot", EIGHT),
    "cot_tools": ("cot_tools", ONE),
    "agent": ("agent", ONE),
    "sampled": ("agent", SAMPLED),
    "sag": ("agent", EIGHT),
    "ftp": ("ftp", ONE),
    "both": ("ftp", EIGHT),
}


@dataclass(frozen=True, slots=True)
class TablePlan:
    """The plan of a table: how many states teach and judge, and how long each size trains."""

    name: str
    trained: int  # states that teach
    judged: int  # states that judge
    batch: int  # trajectories per training step
    part: str  # part of the split that judges
    steps: Mapping[str, int]  # size -> steps of training
    seeds: Mapping[str, Sequence[int]]  # size -> seeds of training
    kinds: Sequence[str]
    thoughts: Sequence[str] = ()  # sizes for the experiment in first_thought_effect.py
    published: bool = False  # its results are committed in docs; else they are in the build folder

    def cells(self) -> list[TableCell]:
        """All cells: the first seed of every size comes before the second of any."""
        turns = max(len(seeds) for seeds in self.seeds.values())
        return [
            TableCell(kind, size, seeds[turn], self.steps[size])
            for turn in range(turns)
            for size, seeds in self.seeds.items()
            if turn < len(seeds)
            for kind in self.kinds
        ]

    @property
    def results(self) -> Path:
        return CHECKOUT / "docs" / "swapbench" if self.published else self.work / "cells"

    @property
    def work(self) -> Path:
        return CHECKOUT / "build" / "swapbench" / self.name


@dataclass(frozen=True, slots=True)
class TableCell:
    """One student of the table."""

    kind: str
    size: str
    seed: int
    steps: int

    @property
    def name(self) -> str:
        return f"{self.size}-{self.kind}-{self.seed}"

    @property
    def arms(self) -> list[str]:
        return [arm for arm, (kind, _) in ARMS.items() if kind == self.kind]


def posed(plan: TablePlan, part: str, count: int) -> list[PosedState]:
    """The states of a part. The first run draws and verifies them; later runs read its file."""
    path = plan.work / f"{part}-{count}.pickle"
    with held(path.with_suffix(".lock"), wait=True):
        if not path.exists():
            with recipe.progress_bar() as bar:
                task = bar.add_task(f"states {part}", total=count)
                states = uvloop.run(posed_states.pose(part, count, progress=lambda k: bar.update(task, completed=k)))
            posed_states.save(path, states)
    return posed_states.load(path)


def lessons(plan: TablePlan, kind: str) -> Path:
    """The file that students of the kind are trained on; made if it is missing."""
    path = plan.work / f"{kind}.jsonl"
    with held(path.with_suffix(".lock"), wait=True):
        if path.exists():
            return path
        taught = posed(plan, "train", plan.trained)

        async def write(bar: Bar) -> list[str]:
            task = bar.add_task(f"lessons {kind}", total=len(taught))
            lines = []
            with Sandbox(workers=2, seconds=MAX_RUN_TIMEOUT) as sandbox:
                for state in taught:
                    lines.append(trajectory_store.dumps(asdict(await teach(Lesson(state, kind), sandbox))) + "\n")
                    bar.update(task, advance=1)
            return lines

        with recipe.progress_bar() as bar:
            lines = uvloop.run(write(bar))
        partial = path.with_suffix(".partial")
        partial.write_text("".join(lines), encoding="utf-8")
        partial.replace(path)
    return path


@contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock on `path`. If another run holds it, wait for it if `wait` is set, else raise BlockingIOError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def make(plan: TablePlan, cell: TableCell) -> Path | None:
    """The cell's file, made if it is missing; None if another run is making it."""
    path = plan.results / f"{cell.name}.json"
    if path.exists():
        return path
    try:
        with held(plan.work / f"{cell.name}.lock"):
            if not path.exists():
                started = time.monotonic()
                result = _made(plan, cell)
                result["seconds"] = round(time.monotonic() - started, 1)
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = path.with_suffix(f".{os.getpid()}.partial")
                partial.write_text(json.dumps(result, separators=(",", ":")).replace('},"', '},\n"') + "\n")
                partial.replace(path)
    except BlockingIOError:
        return None
    return path


def student(plan: TablePlan, cell: TableCell) -> Path:
    """The folder of the cell's student, which is trained first if it is missing."""
    folder = plan.work / cell.name
    if not (folder / "training.json").exists():
        learnt = ("--steps", cell.steps, "--batch", plan.batch, "--seed", cell.seed)
        recipe.run_train(lessons(plan, cell.kind), folder, "--size", cell.size, *learnt)
    return folder


def _made(plan: TablePlan, cell: TableCell) -> dict[str, Any]:
    folder = student(plan, cell)
    states = posed(plan, plan.part, plan.judged)
    training = json.loads((folder / "training.json").read_text())
    arms = judged(plan, states, folder, cell.kind, {arm: ARMS[arm][1] for arm in cell.arms})
    facts = ("parameters", "trajectories", "loss_last_50", "seconds")
    return {
        "kind": cell.kind,
        "size": cell.size,
        "seed": cell.seed,
        "steps": cell.steps,
        "training": {name: training[name] for name in facts},
        "states": posed_states.digest(states),
        "acts": [int(state.acts) for state in states],
        "arms": arms,
    }


def judged(
    plan: TablePlan, asked: Sequence[PosedState], folder: Path, kind: str, draws: Mapping[str, SamplingPlan]
) -> dict[str, Any]:
    """Let the student answer in each way of asking, then grade all answers together."""
    with recipe.progress_bar() as bar:
        bar.add_task(f"answer {', '.join(draws)}", total=None)
        heard = uvloop.run(answer(folder, kind, draws, asked))
    with recipe.progress_bar() as bar:
        task = bar.add_task("grade", total=len(asked))
        answers = {arm: answers for arm, (answers, _) in heard.items()}
        grades = uvloop.run(graded(plan, asked, answers, lambda k: bar.update(task, completed=k)))
    return {arm: {"model_seconds": round(heard[arm][1], 1), **columns(of)} for arm, of in grades.items()}


async def graded(
    plan: TablePlan,
    asked: Sequence[PosedState],
    answers: Mapping[str, Sequence[StudentAnswer]],
    progress: Callable[[int], None],
) -> dict[str, list[Grade]]:
    return await grade(plan.part, 0, asked, answers, progress=progress)


BY_STATE = ("success", "captured", "regret_bps")
MEANS = ("unparsed", "failed", "refused", "tool_calls", "tokens", "steps")


def columns(grades: Sequence[Grade]) -> dict[str, Any]:
    """Lists in the order of the states for the paired fields, means for the others, and the count of each decision."""
    return {
        **{name: [_plain(getattr(one, name)) for one in grades] for name in BY_STATE},
        **{name: round(mean(getattr(one, name) for one in grades), 5) for name in MEANS},
        "decisions": dict(Counter(one.decision for one in grades).most_common()),
    }


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def read(plan: TablePlan) -> list[dict[str, Any]]:
    """All cells that exist.

    Raises OperatorError if there are none, if they were asked different states, or if one was trained for another
    number of steps than the plan says.
    """
    cells = [json.loads(path.read_text()) for path in sorted(plan.results.glob("*-*-*.json"))]
    if not cells:
        raise OperatorError(f"no cells in {plan.results}: run `make swapbench`")
    if len({cell["states"] for cell in cells}) > 1:
        raise OperatorError(f"the cells in {plan.results} were asked different states: remove the older ones")
    if other_steps := [
        f"{cell['size']}-{cell['kind']}-{cell['seed']}" for cell in cells if cell["steps"] != plan.steps[cell["size"]]
    ]:
        raise OperatorError(
            f"{', '.join(other_steps)} in {plan.results} were trained for other steps than the plan says: remove them"
        )
    return cells
