"""The calibration experiment: `python -m lab.calibration`, or `make calibration`.

The committed student hardly ever errs at its own temperature, so it is also asked at higher ones. A student that was
trained for too few steps serves as a poor one. Every row names its student. Each student is asked until it has its
number of decisions, and an interrupted run resumes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from lab import CHECKOUT
from lab.calibration.measurement import measure
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.vllm_server import NAME, served
from sentinel.distill import recipe
from sentinel.distill.states import split
from sentinel.journal.calibration import observations
from sentinel.journal.calibration.observations import Observation

WORK = CHECKOUT / "build" / "calibration"
TRIALS = CHECKOUT / "build" / "distill"
SEED = 1  # of the sampler
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Arm:
    """One student at several temperatures, which take turns from state to state."""

    student: str
    folder: Path
    steps: int | None  # of its training if it is trained here; None if it exists
    temperatures: tuple[float, ...]
    top_p: float
    decisions: int  # number to measure

    @property
    def rows(self) -> Path:
        return WORK / f"{self.student}.jsonl"


ASKED_AT = (0.4, 1.0, 1.5, 2.0)  # vLLM takes no higher temperature
ARMS = (
    Arm("sentinel-nano", recipe.NANO, None, ASKED_AT, 1.0, 800),
    Arm("trial-200-steps", TRIALS / "trial-200-steps", 200, ASKED_AT, 1.0, 320),
)


async def run(arms: Sequence[Arm] = ARMS, *, n: int = 8) -> list[Observation]:
    """Measure what is missing. Returns all rows, old and new.

    Raises OperatorError if a student or its server is missing, and ModelUnavailable if the server stops. Rows that
    are measured by then are saved.
    """
    WORK.mkdir(parents=True, exist_ok=True)
    with recipe.progress_bar() as bar:
        tasks = {arm: bar.add_task(arm.student, total=arm.decisions, completed=_done(arm)) for arm in arms}
        for arm, task in tasks.items():
            if _done(arm) < arm.decisions:
                await _ask(arm, n, partial(bar.advance, task))
    return known(arms)


def known(arms: Sequence[Arm] = ARMS) -> list[Observation]:
    """All rows that were measured so far."""
    return [row for arm in arms for row in observations.read(arm.rows)]


def _done(arm: Arm) -> int:
    return len(known([arm]))


async def _ask(arm: Arm, n: int, kept: Callable[[], None]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        console.print(f"{arm.student}: starting vLLM (about a minute)")
        server = await stack.enter_async_context(served(arm.folder, log=WORK / "vllm.log"))
        samplers: dict[str, StudentModel] = {}
        for temperature in arm.temperatures:
            sampling = Sampling(temperature=temperature, top_p=arm.top_p, seed=SEED)
            model = StudentModel(server.url, NAME, sampling, timeout=60.0)
            samplers[f"{arm.student} at {temperature:g}"] = await stack.enter_async_context(model)

        def keep(row: Observation) -> None:
            observations.append(arm.rows, row)
            kept()

        await measure(samplers, split.load("heldout"), arm.decisions, n=n, known=known([arm]), keep=keep)


def make_trial_students(arms: Sequence[Arm] = ARMS) -> None:
    """Train the poor students, with the usual recipe and fewer steps. An existing one is kept."""
    for arm in arms:
        if arm.steps is None or (arm.folder / "model.safetensors").exists():
            continue
        data = recipe.WORK / f"train-{recipe.TRAJECTORIES}-0.jsonl"
        if not data.exists():
            recipe.run_collect("train", recipe.TRAJECTORIES, data)
        console.print(f"training {arm.student}: the recipe of sentinel-nano, cut short")
        recipe.run_train(data, arm.folder, "--steps", arm.steps)
