"""`sentinel distill …`: thin commands over the recipe's steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sentinel.distill import promote as promotion
from sentinel.distill import recipe, shadow_log
from sentinel.distill.promote import Wanted
from sentinel.distill.students import Students
from sentinel.settings import load

app = typer.Typer(no_args_is_help=True, help="Distil a student from the oracle teacher.")


@app.command()
def collect(
    out: Annotated[Path, typer.Option(help="File of JSON lines.")],
    count: Annotated[int, typer.Option(min=1, help="Trajectories to keep.")] = recipe.TRAJECTORIES,
    part: Annotated[str, typer.Option(help="train, dev or heldout: see models/split.toml.")] = "train",
    seed: int = 0,
) -> None:
    """Run the oracle on local-market states; keep what the fork verified."""
    print(json.dumps(recipe.run_collect(part, count, out, seed)))


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="File of JSON lines, from `collect`.")],
    out: Annotated[Path, typer.Option(help="Folder of the new student.")],
    steps: Annotated[int, typer.Option(min=1)] = recipe.STEPS,
    seed: int = 7,
) -> None:
    """Train a student from scratch (in the serving environment)."""
    recipe.run_train(data, out, steps=steps, seed=seed)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="Folder of the student.")] = recipe.NANO,
    part: Annotated[str, typer.Option(help="dev or heldout.")] = "heldout",
    states: Annotated[int, typer.Option(min=1)] = recipe.HELDOUT,
    n: Annotated[int, typer.Option(min=1, help="Samples a step.")] = 8,
) -> None:
    """Serve a student with vLLM and compare its decisions with the oracle's; JSON on standard output."""
    print(json.dumps(recipe.run_evaluate(model, part, states, n=n)))


@app.command()
def promote(
    new: Annotated[Path | None, typer.Argument(help="Folder of the new student.")] = None,
    heldout: Annotated[int, typer.Option(min=100, help="Held-out states to compare it on.")] = 700,
    shadow_blocks: Annotated[int, typer.Option(min=10, help="Blocks it must have decided on in shadow.")] = 200,
    undo: Annotated[bool, typer.Option("--undo", help="Back to the student that was live before.")] = False,
) -> None:
    """Make a student the live one, if it is better; JSON on standard output, exit code 1 where it is refused."""
    if undo == (new is not None):
        raise typer.BadParameter("give the folder of a student, or --undo")
    home = load().state_dir.expanduser()
    store = Students(home / "students")
    if new is None:
        print(json.dumps({"live": promotion.undo(store).name}))
        return
    found = promotion.promote(store, new, home / shadow_log.FILE, Wanted(heldout, shadow_blocks))
    print(json.dumps(found))
    raise typer.Exit(0 if found["promoted"] else 1)


@app.command()
def student() -> None:
    """All of it: collect, train, evaluate, model card. Writes models/nano."""
    print(json.dumps(recipe.make_student()["agreement"]))
