"""`sentinel distill …`: thin commands over the steps of the recipe."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sentinel.cli import distill_tuning
from sentinel.cli.distill_orders import orders
from sentinel.cli.laboratory import laboratory
from sentinel.config.settings import load
from sentinel.core.errors import OperatorError
from sentinel.distill import orders_recipe, recipe
from sentinel.distill.collecting.best_of import BestOf
from sentinel.distill.collecting.collect import Engine, here
from sentinel.distill.collecting.from_journal import PART as FROM_JOURNAL
from sentinel.distill.collecting.from_journal import FromJournal
from sentinel.distill.collecting.ray_engine import RayEngine
from sentinel.distill.collecting.selection import select as select_rows
from sentinel.distill.evaluation.evaluate_orders import report
from sentinel.distill.evaluation.orders_table import tables
from sentinel.distill.promotion import promote as promotion
from sentinel.distill.promotion import shadow_log
from sentinel.distill.promotion.promote import PromotionCriteria
from sentinel.distill.promotion.students import StudentStore
from sentinel.distill.rounds import dagger
from sentinel.distill.states import split
from sentinel.distill.states.tasks import CollectionRequest
from sentinel.distill.teaching.teacher import TeacherEndpoint, UsageMeter
from sentinel.distill.training import hyperparameters
from sentinel.distill.trajectory_store import SHARD_ROWS

app = typer.Typer(no_args_is_help=True, help="Distil a student from a teacher's trajectories.")
app.command()(orders)
app.command()(distill_tuning.base)
app.command()(distill_tuning.tune)


@app.command()
def collect(
    out: Annotated[Path, typer.Option(help="Folder of the shards; a second run adds what is missing.")],
    teacher: Annotated[str, typer.Option(help="oracle or llm")] = "oracle",
    states: Annotated[int, typer.Option(min=1, help="Number of states.")] = 1000,
    samples: Annotated[int, typer.Option(min=1, help="Trajectories per state; the oracle always repeats itself.")] = 1,
    part: Annotated[str, typer.Option(help="train, dev or heldout: see models/split.toml.")] = "train",
    seed: int = 0,
    rows: Annotated[int, typer.Option(min=1, help="Rows per shard.")] = SHARD_ROWS,
    journal: Annotated[Path | None, typer.Option(help="Journal of a daemon: its states replace the part.")] = None,
    rpc: Annotated[str, typer.Option(help="journal: node with the blocks; empty: SENTINEL_RPC__URL.")] = "",
    engine: Annotated[str, typer.Option(help="asyncio, or ray: run the oracle on many machines.")] = "asyncio",
    cluster: Annotated[str, typer.Option(help="ray: address of a running cluster; empty: start one here.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="ray: segments in parallel.")] = os.cpu_count() or 1,
    url: Annotated[str, typer.Option(help="llm: URL of the endpoint, ends in /v1.")] = "",
    model: Annotated[str, typer.Option(help="llm: model name, as in the endpoint's answers.")] = "",
    key_file: Annotated[Path | None, typer.Option(help="llm: file that holds the API key.")] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.4,
    max_tokens: Annotated[int, typer.Option(min=1, help="llm: limit per turn.")] = 1024,
    per_minute: Annotated[float, typer.Option(min=0.1, help="llm: requests per minute.")] = 60,
    concurrent: Annotated[int, typer.Option(min=1, help="llm: concurrent requests.")] = 4,
    first_thoughts: Annotated[bool, typer.Option(help="llm: needs continue_final_message (vLLM).")] = True,
    price_prompt: Annotated[float, typer.Option(min=0, help="llm: price per million prompt tokens.")] = 0,
    price_completion: Annotated[float, typer.Option(min=0, help="llm: price per million completion tokens.")] = 0,
) -> None:
    """Run a teacher on states of the local market. Each trajectory is simulated and saved with its verdict."""
    if teacher not in ("oracle", "llm") or (teacher == "llm" and not (url and model)):
        raise typer.BadParameter("--teacher must be oracle, or llm with --url and --model")
    endpoint = TeacherEndpoint(
        url, model, key_file, temperature, max_tokens,
        seed=seed, first_thoughts=first_thoughts, per_minute=per_minute, concurrent=concurrent,
    )  # fmt: skip
    if engine not in ("asyncio", "ray") or (engine == "ray" and (journal or teacher == "llm")):
        raise typer.BadParameter("--engine must be asyncio, or ray with --teacher oracle and without --journal")
    source: Engine = RayEngine(cluster, workers) if engine == "ray" else here
    request = CollectionRequest(FROM_JOURNAL if journal else split.load(part), states, samples, seed)
    if journal:
        settings = load()
        source = FromJournal(journal, rpc or settings.rpc.url, settings)
    counts: dict[str, Any] = {
        **recipe.collect_shards(out, request, endpoint if teacher == "llm" else None, rows=rows, engine=source)
    }
    if isinstance(source, RayEngine):
        counts["workers"] = len(source.seen)
    if isinstance(source, FromJournal):
        counts["left_out"] = source.left_out
    if teacher == "llm":
        usage = UsageMeter(
            prompt_tokens=int(counts["prompt_tokens"]), completion_tokens=int(counts["completion_tokens"])
        )
        counts["cost"] = round(usage.cost(price_prompt, price_completion), 4)
    print(json.dumps(counts))


@app.command()
def select(
    data: Annotated[Path, typer.Option(help="Folder of shards, from `collect`.")],
    out: Annotated[Path, typer.Option(help="JSON lines file to write; a report is written beside it.")],
    count: Annotated[int | None, typer.Option(min=1, help="Trajectories to select; default: all that are fit.")] = None,
    best_of: Annotated[int | None, typer.Option(min=1, help="Trajectories per state, lowest loss first.")] = None,
    student: Annotated[Path | None, typer.Option(help="best-of: folder of the student that gives the loss.")] = None,
) -> None:
    """Select verified trajectories that read the market and capture enough value, balanced over playbooks.

    Prints a report of what was kept and what was dropped, by reason.
    """
    if (best_of is None) != (student is None):
        raise typer.BadParameter("--best-of K and --student DIR must be given together")
    best = BestOf(best_of, student) if best_of and student else None
    print(json.dumps(select_rows(data, out, count=count, best=best)))


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="File of JSON lines, from `select`.")],
    out: Annotated[Path, typer.Option(help="Folder to write: the new student, or the adapter.")],
    size: Annotated[str, typer.Option(help=f"Size from scratch: {', '.join(hyperparameters.SIZES)}.")] = "nano",
    base: Annotated[Path | None, typer.Option(help="Folder of a Hugging Face causal model to tune instead.")] = None,
    lora: Annotated[bool, typer.Option("--lora", help="With --base: train an adapter.")] = False,
    full: Annotated[bool, typer.Option("--full", help="With --base: train all weights.")] = False,
    template: Annotated[Path | None, typer.Option(help="Chat template that marks the assistant's text.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Default: the size's steps; with --base two epochs.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Trajectories per step.")] = None,
    rank: Annotated[int | None, typer.Option(min=1, help="Rank of the adapter (default 64).")] = None,
    alpha: Annotated[int | None, typer.Option(min=1, help="Alpha of the adapter (default 128).")] = None,
    head: Annotated[bool, typer.Option("--head", help="With --lora: adapt the output layer too.")] = False,
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
    packing: Annotated[bool, typer.Option("--packing", help="Pack several trajectories into one row.")] = False,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 100,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    processes: Annotated[int, typer.Option(min=1, help="Processes, one per GPU; they share each batch.")] = 1,
    seed: int = 7,
) -> None:
    """Train a student in the serving environment. An interrupted run resumes from its checkpoint."""
    if (lora or full) != bool(base) or (lora and full):
        raise OperatorError("--base DIR needs exactly one of --lora and --full, and these need --base DIR")
    if size not in hyperparameters.SIZES:
        raise OperatorError(f"no size {size!r}: one of {', '.join(hyperparameters.SIZES)}")
    values: dict[str, object] = {
        "base": base.resolve() if base else None,
        "template": template.resolve() if template else None,
    }
    values |= {"steps": steps, "batch": batch, "rank": rank, "alpha": alpha, "learning-rate": learning_rate}
    values |= {"size": size, "checkpoint-every": checkpoint_every, "device": device, "seed": seed}
    options = [part for name, value in values.items() if value is not None for part in (f"--{name}", str(value))]
    switches = [f"--{name}" for name, on in (("full", full), ("head", head), ("packing", packing)) if on]
    recipe.run_train(data.resolve(), out.resolve(), *options, *switches, processes=processes)


@app.command()
def rounds(
    base_data: Annotated[Path, typer.Option(help="File of JSON lines, from `select`.")],
    out: Annotated[Path, typer.Option(help="Folder of the rounds; a second run adds what is missing.")],
    rounds: Annotated[int, typer.Option(min=1, help="Rounds after the first training.")] = 2,
    states: Annotated[int, typer.Option(min=1, help="Training states that each student runs on.")] = 400,
    judged: Annotated[int, typer.Option(min=1, help="Development states that judge each student.")] = 300,
    samples: Annotated[int, typer.Option(min=1, help="Samples per step while it is judged.")] = 1,
    size: Annotated[str, typer.Option(help=f"From scratch: {', '.join(hyperparameters.SIZES)}.")] = "nano",
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of each training; default: the size's.")] = None,
    seed: int = 7,
) -> None:
    """Train a student, let it run, let the oracle relabel its mistakes, train again. Prints the gain of each round."""
    if size not in hyperparameters.SIZES:
        raise OperatorError(f"no size {size!r}: one of {', '.join(hyperparameters.SIZES)}")
    plan = dagger.RoundsPlan(rounds, states, judged, samples, size, steps, seed)
    print(json.dumps(dagger.run(plan, base_data.resolve(), out.resolve())))


@app.command()
def evaluate(
    model: Annotated[Path | None, typer.Option(help="Folder of a student to serve by vLLM and judge.")] = None,
    part: Annotated[str, typer.Option(help="With --model: dev or heldout.")] = "heldout",
    states: Annotated[int, typer.Option(min=1, help="With --model: number of states.")] = recipe.HELDOUT,
    samples: Annotated[int, typer.Option(min=1, help="Samples per step, or per order.")] = 8,
    orders: Annotated[Path | None, typer.Option(help="File of labelled orders: judge readers of orders on it.")] = None,
    url: Annotated[str, typer.Option(help="With --orders: URL of the served student, ends in /v1.")] = "",
    name: Annotated[str, typer.Option(help="With --url: the served name; default: the only model there.")] = "",
    base_url: Annotated[str, typer.Option(help="With --orders: URL of the served base, ends in /v1.")] = "",
    answers: Annotated[Path | None, typer.Option(help="With --orders: file that keeps the models' answers.")] = None,
    programs: Annotated[bool, typer.Option(help="With --orders and --url: grade the student's trading too.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Make a small table now (ten minutes).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; --model always does.")] = False,
) -> None:
    """Print SwapBench's published table (see `make swapbench`), or judge one student, or readers of orders."""
    if orders is None and (url or base_url or answers):
        raise typer.BadParameter("--url, --base-url and --answers belong to --orders FILE")
    if name and not url:
        raise typer.BadParameter("--name NAME belongs to --url URL")
    if orders is not None:
        if model is not None or quick:
            raise typer.BadParameter("--orders takes neither --model nor --quick: --url URL names the served student")
        grades = orders_recipe.run_evaluate_orders(
            orders, url=url, base_url=base_url, name=name, samples=samples, answers=answers, programs=programs
        )
        if as_json:
            print(json.dumps(report(grades)))
        else:
            Console().print(tables(grades))
        return
    if model is not None:
        print(json.dumps(recipe.run_evaluate(model, part, states, n=samples)))
        return
    swapbench = laboratory("swapbench.publish")
    table = swapbench.quick() if quick else swapbench.published()
    if as_json:
        print(json.dumps(table))
    else:
        Console().print(swapbench.screen(table))


@app.command()
def promote(
    new: Annotated[Path | None, typer.Argument(help="Folder of the new student.")] = None,
    heldout: Annotated[int, typer.Option(min=100, help="Held-out states for the comparison.")] = 700,
    shadow_blocks: Annotated[int, typer.Option(min=10, help="Required decisions in shadow (blocks).")] = 200,
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
    report = promotion.promote(store, new, home / shadow_log.FILE, PromotionCriteria(heldout, shadow_blocks))
    print(json.dumps(report))
    raise typer.Exit(0 if report["promoted"] else 1)


@app.command()
def student() -> None:
    """Make the shipped student: collect, train, evaluate, write the model card. Writes models/nano."""
    print(json.dumps(recipe.make_student()["agreement"]))
