"""`sentinel distill …`: thin commands over the recipe's steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sentinel.distill import analyst_recipe, recipe, shadow_log, shape, split
from sentinel.distill import promote as promotion
from sentinel.distill.collect import Order
from sentinel.distill.promote import Wanted
from sentinel.distill.rows import SHARD_ROWS
from sentinel.distill.select import select as select_rows
from sentinel.distill.students import Students
from sentinel.distill.teacher import Endpoint, Meter
from sentinel.errors import OperatorError
from sentinel.settings import load

app = typer.Typer(no_args_is_help=True, help="Distil a student from a teacher's trajectories.")


@app.command()
def collect(
    out: Annotated[Path, typer.Option(help="Folder of the shards; what is there already is not done again.")],
    teacher: Annotated[str, typer.Option(help="oracle or llm.")] = "oracle",
    role: Annotated[str, typer.Option(help="trader, or analyst (oracle alone).")] = "trader",
    states: Annotated[int, typer.Option(min=1, help="States of the stream.")] = 1000,
    n: Annotated[int, typer.Option(min=1, help="Trajectories a state; the oracle's are all the same.")] = 1,
    part: Annotated[str, typer.Option(help="train, dev or heldout: see models/split.toml.")] = "train",
    seed: int = 0,
    rows: Annotated[int, typer.Option(min=1, help="Rows a shard.")] = SHARD_ROWS,
    url: Annotated[str, typer.Option(help="llm: the endpoint, up to /v1.")] = "",
    model: Annotated[str, typer.Option(help="llm: the model, as the endpoint names it in its answers.")] = "",
    key_file: Annotated[Path | None, typer.Option(help="llm: file that holds the API key.")] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.4,
    max_tokens: Annotated[int, typer.Option(min=1, help="llm: of one turn.")] = 1024,
    per_minute: Annotated[float, typer.Option(min=0.1, help="llm: requests begun a minute.")] = 60,
    concurrent: Annotated[int, typer.Option(min=1, help="llm: requests in flight.")] = 4,
    first_thoughts: Annotated[bool, typer.Option(help="llm: needs continue_final_message (vLLM).")] = True,
    price_prompt: Annotated[float, typer.Option(min=0, help="llm: price of a million prompt tokens.")] = 0,
    price_completion: Annotated[float, typer.Option(min=0, help="llm: price of a million completion tokens.")] = 0,
) -> None:
    """Run a teacher on local-market states; each trajectory is simulated on the fork and kept with its verdict."""
    if teacher not in ("oracle", "llm") or (teacher == "llm" and not (url and model)):
        raise typer.BadParameter("--teacher is oracle, or llm with --url and --model")
    if role not in ("trader", "analyst") or (role == "analyst" and teacher != "oracle"):
        raise typer.BadParameter("--role is trader, or analyst with the oracle as its teacher")
    endpoint = Endpoint(
        url, model, key_file, temperature, max_tokens,
        seed=seed, first_thoughts=first_thoughts, per_minute=per_minute, concurrent=concurrent,
    )  # fmt: skip
    order = Order(split.load(part), states, n, seed, role)
    counts: dict[str, float] = {**recipe.collect_shards(out, order, endpoint if teacher == "llm" else None, rows=rows)}
    if teacher == "llm":
        used = Meter(prompt_tokens=int(counts["prompt_tokens"]), completion_tokens=int(counts["completion_tokens"]))
        counts["cost"] = round(used.cost(price_prompt, price_completion), 4)
    print(json.dumps(counts))


@app.command()
def select(
    data: Annotated[Path, typer.Option(help="Folder of shards, from `collect`.")],
    out: Annotated[Path, typer.Option(help="File of JSON lines; a report is written beside it.")],
    count: Annotated[int | None, typer.Option(min=1, help="Trajectories wanted; all that are fit if not said.")] = None,
) -> None:
    """Keep what is verified, read the market and is worth it, in balance; say what was dropped and why."""
    print(json.dumps(select_rows(data, out, count=count)))


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="File of JSON lines, from `select`.")],
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
    head: Annotated[bool, typer.Option("--head", help="With --lora: adapt the output layer too.")] = False,
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
    switches = [f"--{name}" for name, on in (("full", full), ("head", head), ("packing", packing)) if on]
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


@app.command()
def analyst(
    judge: Annotated[Path | None, typer.Option(help="Judge this adapter alone, and make none.")] = None,
    part: Annotated[str, typer.Option(help="dev or heldout.")] = "heldout",
    states: Annotated[int, typer.Option(min=1)] = analyst_recipe.HELDOUT,
) -> None:
    """The analyst's adapter on the shipped student: collect, train, judge, model card. Writes models/analyst."""
    if judge is None:
        print(json.dumps(analyst_recipe.make_analyst(states=states)["agreement"]))
        return
    print(json.dumps(analyst_recipe.run_judge(judge.resolve(), part, states)))
