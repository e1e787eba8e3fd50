"""The whole recipe of sentinel-nano: collect, train, serve, evaluate, write the model card."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from sentinel.agent.vllm_server import served, student
from sentinel.core.host.places import student_folder, workplace
from sentinel.distill.collecting.collect import Engine, Progress, collect, here
from sentinel.distill.collecting.selection import select
from sentinel.distill.evaluation.evaluate import evaluate
from sentinel.distill.serving_env import run_module
from sentinel.distill.states import split
from sentinel.distill.states.tasks import CollectionRequest
from sentinel.distill.teaching.teacher import LlmTeacher, OracleTeacher, TeacherEndpoint, UsageMeter
from sentinel.distill.training import model_card
from sentinel.distill.trajectory_store import SHARD_ROWS, TrajectoryShards, alone
from sentinel.observe import plot

NANO = student_folder()
MADE = workplace() / "models" / "nano"
WORK = workplace() / "build" / "distill"
TRAJECTORIES = 9000
STEPS = 1600
HELDOUT = 700
console = Console(stderr=True)


def make_student(
    out: Path = MADE, *, trajectories: int = TRAJECTORIES, steps: int = STEPS, states: int = HELDOUT, seed: int = 0
) -> dict[str, Any]:
    """Make the shipped student in `out`, in less than an hour on two cores. Returns the scores that the card shows."""
    data = WORK / f"train-{trajectories}-{seed}.jsonl"
    report = data.with_suffix(".report.json")
    if data.exists() and report.exists():
        fates = _fates(json.loads(report.read_text()))
        console.print(f"[dim]{data.name} exists and is used as it is[/]")
    else:
        fates = run_collect("train", trajectories, data, seed)
    run_train(data, out, "--steps", steps)
    scores = run_evaluate(out, "heldout", states)
    lines = [json.dumps(state, separators=(",", ":")) for state in scores.pop("judged")]
    (out / "judged.jsonl").write_text("\n".join(lines) + "\n")
    scores["collected"] = fates
    scores["data_sha256"] = hashlib.sha256(data.read_bytes()).hexdigest()
    scores["weights_sha256"] = hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()
    (out / "scores.json").write_text(json.dumps(scores, indent=1, sort_keys=True) + "\n")
    model_card.write(out)
    return scores


def run_collect(part: str, count: int, out: Path, seed: int = 0) -> dict[str, int]:
    """Collect and select `count` trajectories of the oracle; write them to `out`.

    The shards stay beside `out`, so a second call continues from them. Returns the rows by their fate.
    """
    folder, states, report = out.with_suffix(""), count, dict[str, Any]()
    while (count_kept := sum(report.get("kept", {}).values())) < count:
        states += 2 * (count - count_kept) if report else 0
        collect_shards(folder, CollectionRequest(split.load(part), states, seed=seed))
        report = select(folder, out, count=count)
    return _fates(report)


def _fates(report: dict[str, Any]) -> dict[str, int]:
    kept = {f"kept: {name}": number for name, number in report["kept"].items()}
    return kept | {f"dropped: {reason}": number for reason, number in report["dropped"].items()}


def collect_shards(
    folder: Path,
    order: CollectionRequest,
    endpoint: TeacherEndpoint | None = None,
    *,
    rows: int = SHARD_ROWS,
    engine: Engine = here,
) -> dict[str, int]:
    """Collect trajectories into `folder` from the oracle, or from the LLM at `endpoint`.

    Rows that exist are not made again, and rows that are made stay even if this fails. Returns the counts of rows;
    the counts of requests and tokens cover all runs into the folder.
    """
    with alone(folder):
        return _collect_shards(TrajectoryShards(folder, rows), order, endpoint, engine)


def _collect_shards(
    shards: TrajectoryShards, order: CollectionRequest, endpoint: TeacherEndpoint | None, engine: Engine
) -> dict[str, int]:
    spent = shards.folder / "spent.json"
    meter = UsageMeter.load(spent)

    async def work(bar: Bar) -> Progress:
        task = bar.add_task(f"collect {order.part.name}", total=order.states)

        def passed(done: Progress) -> None:
            used = f" {meter.prompt_tokens + meter.completion_tokens:,} tokens" if endpoint else ""
            bar.update(task, completed=min(done.states, order.states), description=f"collect {order.part.name}{used}")
            if endpoint:
                meter.save(spent)

        async with contextlib.AsyncExitStack() as stack:
            teacher = await stack.enter_async_context(LlmTeacher(endpoint, meter)) if endpoint else OracleTeacher()
            return await collect(order, teacher, shards, engine=engine, progress=passed)

    try:
        with progress_bar() as bar:
            done = uvloop.run(work(bar))
    finally:
        if endpoint:
            meter.save(spent)
    counts = {"rows": shards.kept, "duplicates": len(shards.duplicates), "unanswered": done.unanswered}
    return counts | (asdict(meter) if endpoint else {})


def run_train(data: Path, out: Path, *options: str | Path | int, processes: int = 1) -> None:
    """Train in the serving environment, which has torch. Then write the loss curve, and the card of a tuned base.

    `options` are those of `sentinel.distill.training.train`. Raises OperatorError if the training fails.
    """
    plot.require()
    torchrun = ("torch.distributed.run", "--standalone", "--nproc-per-node", processes, "-m") if processes > 1 else ()
    run_module(*torchrun, "sentinel.distill.training.train", "--data", data, "--out", out, *options)
    model_card.trained(out)


def run_evaluate(model: Path, part: str, states: int, *, n: int = 8, seed: int = 1) -> dict[str, Any]:
    """Serve the student in `model` and evaluate it on `states` states of `part`, with `n` samples per step."""
    WORK.mkdir(parents=True, exist_ok=True)

    async def judge(bar: Bar) -> dict[str, Any]:
        console.print("starting vLLM with the student (about a minute)")
        async with served(model, log=WORK / "vllm.log") as server, student(server.url, seed=1) as sampler:
            task = bar.add_task(f"evaluate {part}", total=states)
            return await evaluate(
                sampler, split.load(part), states, n=n, seed=seed, progress=lambda k: bar.update(task, completed=k)
            )

    with progress_bar() as bar:
        scores = uvloop.run(judge(bar))
    return {"part": part, "states": states, "n": n, **scores}


def progress_bar() -> Bar:
    return Bar(
        TextColumn("{task.description:16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
