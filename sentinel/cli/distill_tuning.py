"""`sentinel distill base` and `sentinel distill tune`: the pretrained base, and adapters on it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.setup import base_model
from sentinel.cli.setup.steps import one_at_a_time
from sentinel.core.errors import OperatorError
from sentinel.distill.serving_env import run_module
from sentinel.distill.tuning import base_pin, tuning_card
from sentinel.distill.tuning.tuning_plan import TuningPlan
from sentinel.observe import plot

_DEFAULT = TuningPlan("", ())


def base() -> None:
    """Fetch the pretrained base and convert it. Prints its folder; a second run finds it there."""
    with one_at_a_time():
        print(base_model.make(base_pin.load()))


def tune(
    data: Annotated[list[Path], typer.Option(help="JSON lines of orders with drafts, or of messages; repeatable.")],
    out: Annotated[Path, typer.Option(help="Folder of the adapter.")],
    base: Annotated[
        Path | None, typer.Option(help="Folder of a causal model; default: `sentinel distill base`.")
    ] = None,
    template: Annotated[Path | None, typer.Option(help="Chat template; default: the base's own.")] = None,
    layers: Annotated[int, typer.Option(min=1, help="The adapter is on so many of the top layers.")] = _DEFAULT.layers,
    rank: Annotated[int, typer.Option(min=1, help="Rank of the adapter.")] = _DEFAULT.rank,
    alpha: Annotated[int, typer.Option(min=1, help="Alpha of the adapter.")] = _DEFAULT.alpha,
    batch: Annotated[int, typer.Option(min=1, help="Rows per step.")] = _DEFAULT.batch,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the rows.")] = _DEFAULT.epochs,
    steps: Annotated[int, typer.Option(min=0, help="Steps; they take the place of --epochs.")] = _DEFAULT.steps,
    fall: Annotated[
        int, typer.Option(min=0, help="In so many last steps the learning rate falls; 0: a fifth of all.")
    ] = _DEFAULT.fall,
    learning_rate: Annotated[float, typer.Option("--learning-rate", "--lr", min=0.0)] = _DEFAULT.learning_rate,
    context: Annotated[int, typer.Option(min=1, help="Tokens; longer rows are left out.")] = _DEFAULT.context,
    trade_every: Annotated[
        int, typer.Option(min=0, help="Of so many orders one is also learned as a program; 0: none.")
    ] = _DEFAULT.trade_every,
    continue_from: Annotated[
        Path | None, typer.Option(help="Folder of a shorter run with the same rows and options, to go on with.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    seed: int = _DEFAULT.seed,
) -> None:
    """Tune a pretrained base: train an adapter. The same command resumes a run that was interrupted or killed."""
    plot.require()
    if base is None and not base_model.ready(base_pin.load()):
        raise OperatorError("the pretrained base is not there: run `sentinel distill base`, or name a folder by --base")
    plan = TuningPlan(
        base=str(base.resolve() if base else base_pin.load().folder),
        data=tuple(str(path.resolve()) for path in data),
        layers=layers, rank=rank, alpha=alpha, batch=batch, epochs=epochs, steps=steps, fall=fall,
        learning_rate=learning_rate, context=context, trade_every=trade_every, seed=seed,
    )  # fmt: skip
    options = [
        part
        for name, value in asdict(plan).items()
        if name != "data"
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    options += [part for path in plan.data for part in ("--data", path)]
    if continue_from:
        options += ["--continue-from", str(continue_from.resolve())]
    if template:
        options += ["--template", str(template.resolve())]
    run_module("sentinel.distill.tuning.tune", "--out", out.resolve(), "--device", device, *options)
    tuning_card.write(out)
