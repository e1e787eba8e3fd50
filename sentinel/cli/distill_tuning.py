"""`sentinel distill base`, `tune` and `student`: the pretrained base, adapters on it, and the one that ships."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.setup import base_model
from sentinel.cli.setup.steps import one_at_a_time
from sentinel.core.errors import OperatorError
from sentinel.distill import student_plan, student_recipe
from sentinel.distill.tuning import base_pin
from sentinel.distill.tuning.tuning_plan import TuningPlan
from sentinel.distill.tuning_recipe import run_tune
from sentinel.observe import plot

_DEFAULT = TuningPlan("", ())


def base() -> None:
    """Fetch the pretrained base and convert it. Prints its folder; a second run finds it there."""
    print(_made_base())


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
    if base is None and not base_model.ready(base_pin.load()):
        raise OperatorError("the pretrained base is not there: run `sentinel distill base`, or name a folder by --base")
    plan = TuningPlan(
        base=str(base.resolve() if base else base_pin.load().folder),
        data=tuple(str(path.resolve()) for path in data),
        layers=layers, rank=rank, alpha=alpha, batch=batch, epochs=epochs, steps=steps, fall=fall,
        learning_rate=learning_rate, context=context, trade_every=trade_every, seed=seed,
    )  # fmt: skip
    run_tune(plan, out, template=template, continue_from=continue_from, device=device)


def student(
    plan: Annotated[Path, typer.Option(help="Numbers of rows and steps, rates and seeds.")] = student_plan.PLAN,
    out: Annotated[Path, typer.Option(help="Folder of the student.")] = student_recipe.MADE,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
) -> None:
    """Make the shipped student: fetch the base, draw the rows, tune. The same command resumes a run that was killed."""
    plot.require()
    settled = student_plan.load(plan)
    student_recipe.make_student(settled, _made_base(), out, device=device)
    print(out)


def _made_base() -> Path:
    """The folder of the pinned base, which is fetched and converted if it is not there."""
    with one_at_a_time():
        return base_model.make(base_pin.load())
