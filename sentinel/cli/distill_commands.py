"""`sentinel distill …`: thin commands over the recipe's steps."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sentinel.cli.laboratory import laboratory
from sentinel.config.settings import load
from sentinel.core.errors import OperatorError
from sentinel.distill import analyst_recipe, recipe
from sentinel.distill.collecting.best_of import BestOf
from sentinel.distill.collecting.collect import Engine, here
from sentinel.distill.collecting.from_journal import PART as FROM_JOURNAL
from sentinel.distill.collecting.from_journal import FromJournal
from sentinel.distill.collecting.ray_engine import RayEngine
from sentinel.distill.collecting.selection import select as select_rows
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
    journal: Annotated[Path | None, typer.Option(help="States that a daemon journaled, in place of a part.")] = None,
    rpc: Annotated[str, typer.Option(help="journal: a node that has its blocks; else SENTINEL_RPC__URL.")] = "",
    engine: Annotated[str, typer.Option(help="asyncio, or ray: the oracle on many machines.")] = "asyncio",
    cluster: Annotated[str, typer.Option(help="ray: address of a running one; else one is started here.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="ray: segments at a time.")] = os.cpu_count() or 1,
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
    endpoint = TeacherEndpoint(
        url, model, key_file, temperature, max_tokens,
        seed=seed, first_thoughts=first_thoughts, per_minute=per_minute, concurrent=concurrent,
    )  # fmt: skip
    if engine not in ("asyncio", "ray") or (engine == "ray" and (journal or teacher == "llm")):
        raise typer.BadParameter("--engine is asyncio, or ray for the oracle on a part of the split")
    where: Engine = RayEngine(cluster, workers) if engine == "ray" else here
    order = CollectionRequest(FROM_JOURNAL if journal else split.load(part), states, n, seed, role)
    if journal:
        settings = load()
        where = FromJournal(journal, rpc or settings.rpc.url, settings)
    asked = endpoint if teacher == "llm" else None
    counts: dict[str, Any] = {**recipe.collect_shards(out, order, asked, rows=rows, engine=where)}
    if isinstance(where, RayEngine):
        counts["workers"] = len(where.seen)
    if isinstance(where, FromJournal):
        counts["left_out"] = where.left_out
    if teacher == "llm":
        used = UsageMeter(
            prompt_tokens=int(counts["prompt_tokens"]), completion_tokens=int(counts["completion_tokens"])
        )
        counts["cost"] = round(used.cost(price_prompt, price_completion), 4)
    print(json.dumps(counts))


@app.command()
def select(
    data: Annotated[Path, typer.Option(help="Folder of shards, from `collect`.")],
    out: Annotated[Path, typer.Option(help="File of JSON lines; a report is written beside it.")],
    count: Annotated[int | None, typer.Option(min=1, help="Trajectories wanted; all that are fit if not said.")] = None,
    best_of: Annotated[int | None, typer.Option(min=1, help="Trajectories a state: those of the lowest loss.")] = None,
    student: Annotated[Path | None, typer.Option(help="best-of: folder of the student whose loss it is.")] = None,
) -> None:
    """Keep what is verified, read the market and is worth it, in balance; say what was dropped and why."""
    if (best_of is None) != (student is None):
        raise typer.BadParameter("--best-of K needs --student DIR, and the other way round")
    best = BestOf(best_of, student) if best_of and student else None
    print(json.dumps(select_rows(data, out, count=count, best=best)))


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="File of JSON lines, from `select`.")],
    out: Annotated[Path, typer.Option(help="Folder of the new student, or of the adapter.")],
    size: Annotated[str, typer.Option(help=f"From scratch: {', '.join(hyperparameters.SIZES)}.")] = "nano",
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
    processes: Annotated[int, typer.Option(min=1, help="One a GPU; each takes its share of a batch.")] = 1,
    seed: int = 7,
) -> None:
    """Train a student (in the serving environment). Stopped and started again, it goes on where it was."""
    if (lora or full) != bool(base) or (lora and full):
        raise OperatorError("a base is tuned with --base DIR and one of --lora and --full")
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
    out: Annotated[Path, typer.Option(help="Folder of the rounds; what is there already is not done again.")],
    rounds: Annotated[int, typer.Option(min=1, help="Rounds after the first training.")] = 2,
    states: Annotated[int, typer.Option(min=1, help="Training states that each student runs on.")] = 400,
    judged: Annotated[int, typer.Option(min=1, help="Development states that each is judged on.")] = 300,
    n: Annotated[int, typer.Option(min=1, help="Samples a step where it is judged.")] = 1,
    size: Annotated[str, typer.Option(help=f"From scratch: {', '.join(hyperparameters.SIZES)}.")] = "nano",
    steps: Annotated[int | None, typer.Option(min=1, help="Of each training; default: the size's.")] = None,
    seed: int = 7,
) -> None:
    """Train, let the student run, let the oracle relabel where it went wrong, train anew; tell the gain."""
    if size not in hyperparameters.SIZES:
        raise OperatorError(f"no size {size!r}: one of {', '.join(hyperparameters.SIZES)}")
    plan = dagger.RoundsPlan(rounds, states, judged, n, size, steps, seed)
    print(json.dumps(dagger.run(plan, base_data.resolve(), out.resolve())))


@app.command()
def evaluate(
    model: Annotated[Path | None, typer.Option(help="Folder of a student to judge, behind vLLM.")] = None,
    part: Annotated[str, typer.Option(help="With --model: dev or heldout.")] = "heldout",
    states: Annotated[int, typer.Option(min=1, help="With --model.")] = recipe.HELDOUT,
    n: Annotated[int, typer.Option(min=1, help="With --model: samples a step.")] = 8,
    quick: Annotated[bool, typer.Option("--quick", help="Make a small table now, in ten minutes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The table as JSON; a judged student always is.")] = False,
) -> None:
    """SwapBench's table as it was published (`make swapbench`); or one student's decisions beside the oracle's."""
    if model is not None:
        print(json.dumps(recipe.run_evaluate(model, part, states, n=n)))
        return
    swapbench = laboratory("swapbench.run")
    found = swapbench.quick() if quick else swapbench.published()
    if as_json:
        print(json.dumps(found))
    else:
        Console().print(swapbench.screen(found))


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
    store = StudentStore(home / "students")
    if new is None:
        print(json.dumps({"live": promotion.undo(store).name}))
        return
    found = promotion.promote(store, new, home / shadow_log.FILE, PromotionCriteria(heldout, shadow_blocks))
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
