"""`sentinel distill …`: thin commands over the recipe's steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sentinel.distill import recipe, shape
from sentinel.errors import OperatorError

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
    out: Annotated[Path, typer.Option(help="Folder of the new student, or of the adapter.")],
    size: Annotated[str, typer.Option(help=f"From scratch: {', '.join(shape.SIZES)}.")] = "nano",
    base: Annotated[Path | None, typer.Option(help="Folder of a Hugging Face causal model to tune instead.")] = None,
    lora: Annotated[bool, typer.Option("--lora", help="With --base: an adapter. Needs one of the two.")] = False,
    full: Annotated[bool, typer.Option("--full", help="With --base: all its weights.")] = False,
    template: Annotated[Path | None, typer.Option(help="Chat template that marks the assistant's words.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Default: the size's; with --base two epochs.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Trajectories a step.")] = None,
    rank: Annotated[int | None, typer.Option(min=1, help="Of the adapter (64).")] = None,
    alpha: Annotated[int | None, typer.Option(min=1, help="Of the adapter (128).")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
    packing: Annotated[bool, typer.Option("--packing", help="Several trajectories in one row.")] = False,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps.")] = 100,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: int = 7,
) -> None:
    """Train a student (in the serving environment). Stopped and started again, it goes on where it was."""
    if (lora or full) != bool(base) or (lora and full):
        raise OperatorError("a base is tuned with --base DIR and one of --lora and --full")
    if size not in shape.SIZES:
        raise OperatorError(f"no size {size!r}: one of {', '.join(shape.SIZES)}")
    values: dict[str, object] = {
        "base": base.resolve() if base else None,
        "template": template.resolve() if template else None,
    }
    values |= {"steps": steps, "batch": batch, "rank": rank, "alpha": alpha, "learning-rate": learning_rate}
    values |= {"size": size, "checkpoint-every": checkpoint_every, "device": device, "seed": seed}
    options = [part for name, value in values.items() if value is not None for part in (f"--{name}", str(value))]
    switches = [f"--{name}" for name, on in (("full", full), ("packing", packing)) if on]
    recipe.run_train(data.resolve(), out.resolve(), *options, *switches)


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
