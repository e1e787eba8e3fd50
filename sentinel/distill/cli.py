"""`sentinel distill …`: thin commands over the recipe's steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sentinel.distill import recipe

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
def student() -> None:
    """All of it: collect, train, evaluate, model card. Writes models/nano."""
    print(json.dumps(recipe.make_student()["agreement"]))
