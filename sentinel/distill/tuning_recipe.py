"""Tune a base in the serving environment, which has torch, and write the adapter's card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sentinel.distill.serving_env import run_module
from sentinel.distill.tuning import tuning_card
from sentinel.distill.tuning.tuning_plan import TuningPlan
from sentinel.observe import plot


def run_tune(
    plan: TuningPlan,
    out: Path,
    *,
    template: Path | None = None,
    continue_from: Path | None = None,
    device: str = "auto",
) -> None:
    """Write the adapter of `plan` to `out`; a run that was interrupted or killed goes on.

    `continue_from` is the folder of a shorter run of the same plan. Raises OperatorError if the tuning fails.
    """
    plot.require()
    options: list[str | Path] = []
    for name, value in asdict(plan).items():
        if name != "data":
            options += [f"--{name.replace('_', '-')}", str(value)]
    for path in plan.data:
        options += ["--data", path]
    if continue_from is not None:
        options += ["--continue-from", continue_from.resolve()]
    if template is not None:
        options += ["--template", template.resolve()]
    run_module("sentinel.distill.tuning.tune", "--out", out.resolve(), "--device", device, *options)
    tuning_card.write(out)
