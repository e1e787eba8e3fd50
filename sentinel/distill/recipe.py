"""The whole recipe of sentinel-nano, top to bottom: collect, train, serve, evaluate, card."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sentinel.agent.serving import CHECKOUT, served, student
from sentinel.distill import card, split
from sentinel.distill.collect import collect
from sentinel.distill.evaluate import evaluate
from sentinel.errors import OperatorError

NANO = CHECKOUT / "models" / "nano"
WORK = CHECKOUT / "build" / "distill"
TRAJECTORIES = 9000
STEPS = 1600
HELDOUT = 700
console = Console(stderr=True)


def make_student(
    out: Path = NANO, *, trajectories: int = TRAJECTORIES, steps: int = STEPS, states: int = HELDOUT, seed: int = 0
) -> dict[str, Any]:
    """Under an hour on two cores. Returns the scores that the card shows."""
    data = WORK / f"train-{trajectories}-{seed}.jsonl"
    if data.exists():
        fates = json.loads(data.with_suffix(".fates.json").read_text())
        console.print(f"[dim]{data.name} is there: not collected again[/]")
    else:
        fates = run_collect("train", trajectories, data, seed)
    run_train(data, out, "--steps", steps)
    scores = run_evaluate(out, "heldout", states)
    scores["collected"] = fates
    scores["data_sha256"] = hashlib.sha256(data.read_bytes()).hexdigest()
    scores["weights_sha256"] = hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()
    (out / "scores.json").write_text(json.dumps(scores, indent=1, sort_keys=True) + "\n")
    card.write(out)
    return scores


def run_collect(part: str, count: int, out: Path, seed: int = 0) -> dict[str, int]:
    with progress_bar() as bar:
        task = bar.add_task(f"collect {part}", total=count)
        fates = uvloop.run(
            collect(split.load(part), count, out, seed=seed, progress=lambda n: bar.update(task, completed=n))
        )
    out.with_suffix(".fates.json").write_text(json.dumps(fates, indent=1) + "\n")
    return fates


def run_train(data: Path, out: Path, *options: str | Path | int) -> None:
    """In the serving environment, where torch is. `options`: as `python -m sentinel.distill.train` takes them."""
    python = CHECKOUT / ".venv-serve" / "bin" / "python"
    if not python.exists():
        raise OperatorError("no serving environment: run `make setup`")
    command = [python, "-m", "sentinel.distill.train", "--data", data, "--out", out, *options]
    # Threads that wait by spinning make each other crawl as soon as anything else wants a core.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    child = subprocess.Popen([str(part) for part in command], cwd=CHECKOUT, env=environment)
    while True:
        try:
            code = child.wait()
            break
        except KeyboardInterrupt:  # it writes a checkpoint first
            child.send_signal(signal.SIGINT)
    if code:
        raise OperatorError(f"training ended with {code}; what it printed stands above")


def run_evaluate(model: Path, part: str, states: int, *, n: int = 8) -> dict[str, Any]:
    WORK.mkdir(parents=True, exist_ok=True)

    async def judge(bar: Progress) -> dict[str, Any]:
        console.print("starting vLLM with the student (about a minute)")
        async with served(model, log=WORK / "vllm.log") as server, student(server.url, seed=1) as sampler:
            task = bar.add_task(f"evaluate {part}", total=states)
            return await evaluate(
                sampler, split.load(part), states, n=n, progress=lambda k: bar.update(task, completed=k)
            )

    with progress_bar() as bar:
        scores = uvloop.run(judge(bar))
    return {"part": part, "states": states, "n": n, **scores}


def progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description:16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
