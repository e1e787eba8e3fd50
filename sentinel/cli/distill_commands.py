"""`sentinel distill …`: thin commands over the steps of distillation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sentinel.cli import distill_collecting, distill_tuning
from sentinel.cli.distill_orders import orders
from sentinel.config.settings import load
from sentinel.distill import orders_recipe
from sentinel.distill.evaluation.evaluate_orders import report
from sentinel.distill.evaluation.orders_table import tables
from sentinel.distill.promotion import promote as promotion
from sentinel.distill.promotion import shadow_log
from sentinel.distill.promotion.promote import PromotionCriteria
from sentinel.distill.promotion.students import StudentStore

app = typer.Typer(no_args_is_help=True, help="Distil a student that reads orders and trades by them.")
app.command()(orders)
app.command()(distill_tuning.base)
app.command()(distill_tuning.tune)
app.command()(distill_tuning.student)
app.command()(distill_collecting.collect)
app.command()(distill_collecting.select)

_DEFAULT = PromotionCriteria()


@app.command()
def evaluate(
    orders: Annotated[Path, typer.Option(help="File of labelled orders.")],
    url: Annotated[str, typer.Option(help="URL of the served student, ends in /v1.")] = "",
    name: Annotated[str, typer.Option(help="With --url: the served name; default: the only model there.")] = "",
    base_url: Annotated[str, typer.Option(help="URL of the served base, ends in /v1.")] = "",
    samples: Annotated[int, typer.Option(min=1, help="Samples per order.")] = 8,
    answers: Annotated[Path | None, typer.Option(help="File that keeps the models' answers.")] = None,
    programs: Annotated[bool, typer.Option(help="With --url: grade the student's trading too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge readers of orders on labelled orders: the served student, and what it is measured against."""
    if name and not url:
        raise typer.BadParameter("--name NAME belongs to --url URL")
    grades = orders_recipe.run_evaluate_orders(
        orders, url=url, base_url=base_url, name=name, samples=samples, answers=answers, programs=programs
    )
    if as_json:
        print(json.dumps(report(grades)))
    else:
        Console().print(tables(grades))


@app.command()
def promote(
    new: Annotated[Path | None, typer.Argument(help="Folder of the new student: an adapter or a model.")] = None,
    heldout: Annotated[int, typer.Option(min=100, help="Held-out orders for the comparison.")] = _DEFAULT.orders,
    shadow_blocks: Annotated[
        int, typer.Option(min=10, help="Required decisions in shadow (blocks).")
    ] = _DEFAULT.shadow_blocks,
    max_wrong_acts: Annotated[
        float, typer.Option(min=0, max=1, help="Share of its trades on held-out orders that may be wrong.")
    ] = _DEFAULT.max_wrong_acts,
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the student that was live before.")] = False,
) -> None:
    """Make a student the live one if it is better. Prints JSON; the exit code is 1 if the student is refused."""
    if undo == (new is not None):
        raise typer.BadParameter("give either the folder of a student or --undo")
    home = load().state_dir.expanduser()
    store = StudentStore(home / "students")
    if new is None:
        print(json.dumps({"live": promotion.undo(store).name}))
        return
    wanted = PromotionCriteria(heldout, shadow_blocks, max_wrong_acts)
    outcome = promotion.promote(store, new, home / shadow_log.FILE, wanted)
    print(json.dumps(outcome))
    raise typer.Exit(0 if outcome["promoted"] else 1)
