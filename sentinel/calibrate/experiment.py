"""The measurement behind docs/calibration: `python -m sentinel.calibrate`, or `make calibration`.

The committed student hardly ever errs at its own temperature, so it is also asked at higher ones, and a student that
was trained for too few steps stands in for a poor one. Every row says whose it is. A run that was cut off goes on where
it was; a student's arm also ends when its time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.serving import CHECKOUT, NAME, served
from sentinel.calibrate import observed
from sentinel.calibrate.measure import measure
from sentinel.calibrate.observed import Observed
from sentinel.distill import recipe, split

WORK = CHECKOUT / "build" / "calibration"
TRIALS = CHECKOUT / "build" / "distill"
SEED = 1  # of the sampler
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Arm:
    """One student at several temperatures, a state each in turn."""

    student: str
    folder: Path
    steps: int | None  # of its training where it is made here
    temperatures: tuple[float, ...]
    top_p: float
    decisions: int
    minutes: float  # at most

    @property
    def rows(self) -> Path:
        return WORK / f"{self.student}.jsonl"


ASKED_AT = (0.4, 1.0, 1.5, 2.0)  # vLLM takes no higher temperature
ARMS = (
    Arm("sentinel-nano", recipe.NANO, None, ASKED_AT, 1.0, 800, 6.0),
    Arm("trial-200-steps", TRIALS / "trial-200-steps", 200, ASKED_AT, 1.0, 400, 6.0),
)


async def run(arms: Sequence[Arm] = ARMS, *, n: int = 8) -> list[Observed]:
    """Every row there is, old and new. Raises OperatorError where a student or its server is missing."""
    WORK.mkdir(parents=True, exist_ok=True)
    for arm in arms:
        done = list(observed.read(arm.rows))
        if len(done) >= arm.decisions:
            console.print(f"[dim]{arm.student}: {len(done)} decisions are there[/]")
            continue
        console.print(f"{arm.student}: starting vLLM (about a minute)")
        await _ask(arm, done, n)
    return known(arms)


def known(arms: Sequence[Arm] = ARMS) -> list[Observed]:
    """Every row that was measured so far."""
    return [row for arm in arms for row in observed.read(arm.rows)]


async def _ask(arm: Arm, done: list[Observed], n: int) -> None:
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(served(arm.folder, log=WORK / "vllm.log"))
        samplers: dict[str, StudentModel] = {}
        for temperature in arm.temperatures:
            sampling = Sampling(temperature=temperature, top_p=arm.top_p, seed=SEED)
            model = StudentModel(server.url, NAME, sampling, timeout=60.0)
            samplers[f"{arm.student} at {temperature:g}"] = await stack.enter_async_context(model)
        bar = stack.enter_context(recipe._progress())
        task = bar.add_task(arm.student, total=arm.decisions, completed=len(done))

        def keep(row: Observed) -> None:
            observed.append(arm.rows, row)
            bar.advance(task)

        try:
            async with asyncio.timeout(60 * arm.minutes):
                part = split.load("heldout")
                await measure(samplers, part, arm.decisions, n=n, known=done, keep=keep)
        except TimeoutError:
            console.print(f"{arm.student}: its {arm.minutes:g} minutes are over; run it again to go on")


def make_trial_students(arms: Sequence[Arm] = ARMS) -> None:
    """A poor student on purpose: the same recipe, cut short. One that is there is kept."""
    for arm in arms:
        if arm.steps is None or (arm.folder / "model.safetensors").exists():
            continue
        data = recipe.WORK / f"train-{recipe.TRAJECTORIES}-0.jsonl"
        if not data.exists():
            recipe.run_collect("train", recipe.TRAJECTORIES, data)
        console.print(f"training {arm.student}: the recipe of sentinel-nano, cut short")
        recipe.run_train(data, arm.folder, steps=arm.steps)
