"""Tune a base in the serving environment, which has torch, and write the adapter's card."""

from __future__ import annotations

from pathlib import Path

from sentinel.distill.serving_env import run_module
from sentinel.distill.tuning import tuning_card
from sentinel.distill.tuning.tuning_plan import TuningPlan
from sentinel.observe import plot

MODULE = "sentinel.distill.tuning.tune"


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
    chosen: list[str | Path] = [*plan.options()]
    if continue_from is not None:
        chosen += ["--continue-from", continue_from.resolve()]
    if template is not None:
        chosen += ["--template", template.resolve()]
    run_module(MODULE, "--out", out.resolve(), "--device", device, *chosen)
    tuning_card.write(out)
