"""The whole recipe of the shipped analyst: collect, adapt the shipped student, serve, judge, write the model card."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from rich.progress import Progress as Bar

from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.vllm_server import NAME, served
from sentinel.core.errors import OperatorError
from sentinel.core.host.places import FILES, workplace
from sentinel.distill import recipe
from sentinel.distill.evaluation import analyst_scores
from sentinel.distill.states import split
from sentinel.distill.training import loss_curve, model_card
from sentinel.distill.trajectory_store import ANALYST

OUT = workplace() / "models" / ANALYST
BASE = recipe.NANO.relative_to(FILES)  # as the adapter's own files name it
TRAJECTORIES = 4000
HELDOUT = 240
# The base writes only words of its own vocabulary unless the output layer is trained too (else the loss stayed at 1.8).
RECIPE = ("--head", "--rank", 32, "--alpha", 64, "--batch", 8, "--steps", 600, "--learning-rate", 3e-3)
KEPT = ("adapter_config.json", "adapter_model.safetensors", "training.json", "curve.svg")


def make_analyst(out: Path = OUT, *, trajectories: int = TRAJECTORIES, states: int = HELDOUT) -> dict[str, Any]:
    """Make the adapter in `out`. Steps whose results exist are skipped. Returns the scores that the card shows."""
    data = recipe.WORK / f"{ANALYST}-{trajectories}-0.jsonl"
    if not data.exists():
        recipe.run_collect("train", trajectories, data, 0, ANALYST)
    trained = recipe.WORK / ANALYST
    if not (trained / "training.json").exists():
        recipe.run_train(data, trained, "--base", BASE, *map(str, RECIPE))
    out.mkdir(parents=True, exist_ok=True)
    for name in KEPT:  # tokenizer and template come from the base
        shutil.copy(trained / name, out / name)
    return keep(out, data, run_judge(out, "heldout", states))


def keep(out: Path, data: Path, scores: dict[str, Any]) -> dict[str, Any]:
    """Write scores, judged states and model card to the adapter's folder."""
    scores["data_sha256"] = hashlib.sha256(data.read_bytes()).hexdigest()
    lines = [json.dumps(state, separators=(",", ":")) for state in scores.pop("judged")]
    (out / "judged.jsonl").write_text("\n".join(lines) + "\n")
    (out / "scores.json").write_text(json.dumps(scores, indent=1, sort_keys=True) + "\n")
    model_card.analyst(out)
    loss_curve.write(out)
    return scores


def run_judge(adapter: Path, part: str, states: int, *, model: Path = recipe.NANO, seed: int = 1) -> dict[str, Any]:
    """Judge the adapter with greedy sampling, served with its base as `serve-student.sh` does it.

    Raises OperatorError if the folder holds no adapter.
    """
    if not (adapter / "adapter_config.json").is_file():
        raise OperatorError(f"{adapter} holds no adapter: `sentinel distill analyst` makes one")
    recipe.WORK.mkdir(parents=True, exist_ok=True)

    async def judge(bar: Bar) -> dict[str, Any]:
        async with served(model, log=recipe.WORK / "vllm.log", adapters=adapter.parent) as server:
            task = bar.add_task(f"judge {part}", total=states)
            student = StudentModel(server.url, adapter.name, Sampling(temperature=0.0), timeout=60.0)
            async with student, aiohttp.ClientSession() as session:
                await student.health()
                tokens = analyst_scores.TokenCounter(session, server.url, NAME)
                return await analyst_scores.judge(
                    student,
                    split.load(part),
                    states,
                    tokens,
                    seed=seed,
                    progress=lambda k: bar.update(task, completed=k),
                )

    with recipe.progress_bar() as bar:
        scores = uvloop.run(judge(bar))
    return {"part": part, "states": states, **scores}
