"""Rounds in the manner of DAgger (Ross et al. 2011): train, let the student run, have the oracle relabel, train anew.

    OUT/plan.json                  what was asked; another plan in the same folder is refused
    OUT/round-0/data.jsonl         the base rows; of later rounds, with all rows of the rounds before
                student/           trained from nothing on them
                evaluation.json    on the same development states in each round
                reached.jsonl      the oracle's rows from where this student went wrong; reached.json counts them
    OUT/rounds.json, rounds.svg    success and gain by round

What a round has is not made again, so that the same command goes on where it was stopped. Each round trains anew with
the same recipe and the same number of steps: rounds differ in their rows alone, and the first one is what the others
are measured against.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop
from rich.progress import Progress as Bar

from sentinel.agent.vllm_server import served, student
from sentinel.core.errors import OperatorError
from sentinel.distill import recipe, trajectory_store
from sentinel.distill.evaluation.evaluate import evaluate
from sentinel.distill.evaluation.paired import compare
from sentinel.distill.rounds.student_states import visit_states
from sentinel.distill.states import split
from sentinel.distill.states.tasks import CollectionRequest
from sentinel.observe import plot

STREAM = 1_000  # seed of the first round's states; each round has others
KEPT = ("captured", "regret_bps", "tokens_a_decision", "steps_a_decision", "samples")  # of an evaluation


@dataclass(frozen=True, slots=True)
class RoundsPlan:
    rounds: int  # after the first training
    states: int  # of the training part that each student runs on
    judged: int  # development states
    n: int = 1  # samples a step where it is judged
    size: str = "nano"
    steps: int | None = None  # None: the size's own
    seed: int = 7  # of each training


def run(plan: RoundsPlan, base: Path, out: Path) -> dict[str, Any]:
    """Returns what stands in rounds.json. Raises OperatorError, ModelUnavailable."""
    with trajectory_store.alone(out):
        _same(out / "plan.json", {**asdict(plan), "base_sha256": hashlib.sha256(base.read_bytes()).hexdigest()})
        folders = [out / f"round-{number}" for number in range(plan.rounds + 1)]
        for number in range(plan.rounds + 1):
            make_round(plan, base, folders, number)
        report = summary(plan, folders)
        _write(out / "rounds.json", [json.dumps(report, indent=1).encode() + b"\n"])
        _write(out / "rounds.svg", [picture(report).encode()])
    return report


def make_round(plan: RoundsPlan, base: Path, folders: list[Path], number: int) -> None:
    """What the round lacks; those before it are whole."""
    folder = folders[number]
    folder.mkdir(exist_ok=True)
    data = folder / "data.jsonl"
    _write(data, (path.read_bytes() for path in (base, *(one / "reached.jsonl" for one in folders[:number]))))
    if not (folder / "trained.json").is_file():
        options = ("--steps", plan.steps) if plan.steps else ()
        recipe.run_train(data, folder / "student", "--size", plan.size, "--seed", plan.seed, *options)
        _write(folder / "trained.json", [(folder / "student" / "training.json").read_bytes()])
    with recipe.progress_bar() as bar:
        uvloop.run(_run_student(plan, number, folder, bar))


async def _run_student(plan: RoundsPlan, number: int, folder: Path, bar: Bar) -> None:
    """On the development states, and on its own where another round follows. One vLLM for both."""
    judged, reached = folder / "evaluation.json", folder / "reached.json"
    last = number == plan.rounds
    if judged.is_file() and (last or reached.is_file()):
        return
    recipe.console.print(f"round {number}: starting vLLM with its student (about a minute)")
    async with served(folder / "student", log=folder / "vllm.log") as server, student(server.url, seed=1) as sampler:
        if not judged.is_file():
            task = bar.add_task(f"round {number}: judge", total=plan.judged)
            scores = await evaluate(
                sampler,
                split.load("dev"),
                plan.judged,
                n=plan.n,
                progress=lambda k: bar.update(task, completed=k),
            )
            _write(judged, [json.dumps(scores).encode()])
        if not last and not reached.is_file():
            order = CollectionRequest(split.load("train"), plan.states, seed=STREAM + number)
            walking = bar.add_task(f"round {number}: run", total=plan.states)
            found = await visit_states(
                sampler, order, progress=lambda k: bar.update(walking, completed=min(k, plan.states))
            )
            lines = (trajectory_store.dumps(trajectory_store.body_of(row)).encode() + b"\n" for row in found.rows)
            _write(folder / "reached.jsonl", lines)
            _write(reached, [json.dumps(found.as_json()).encode()])  # the last: with it the round's rows are whole


def summary(plan: RoundsPlan, folders: list[Path]) -> dict[str, Any]:
    """Gains are paired over the development states: against the round before, and against the first."""
    scores = [json.loads((folder / "evaluation.json").read_text()) for folder in folders]
    found = []
    for number, (folder, ours) in enumerate(zip(folders, scores, strict=True)):
        trained = json.loads((folder / "trained.json").read_text())
        one = {"round": number, "trajectories": trained["trajectories"], "loss": trained["loss_last_50"]}
        one |= {"success": ours["success"], **{name: ours[name] for name in KEPT}}
        if number:
            one["gain"] = compare(ours["judged"], scores[number - 1]["judged"]).as_json()
            one["gain_over_first"] = compare(ours["judged"], scores[0]["judged"]).as_json()
        if number < plan.rounds:
            one["reached"] = json.loads((folder / "reached.json").read_text())
        found.append(one)
    return {"plan": asdict(plan), "rounds": found}


def picture(report: dict[str, Any]) -> str:
    """Success over the number of trajectories that the round's student was trained on; Wilson intervals. SVG."""
    rounds, plan = report["rounds"], report["plan"]
    drawn = plot.axes(
        f"Rounds of {plan['size']}: {plan['judged']} development states, {plan['states']} of its own",
        "trajectories trained on",
        "share of states",
    )
    drawn.set_ylim(0, 1)
    plot.percent(drawn.yaxis)
    judged = [(one["trajectories"], one["success"]["all"]) for one in rounds]
    aside = (rounds[-1]["trajectories"] - rounds[0]["trajectories"]) / 60
    own = [(one["trajectories"] + aside, one["reached"]["right"]) for one in rounds if "reached" in one]
    plot.shares(drawn, judged, color=plot.ACT, gid="judged", label="development states, the same in each round")
    plot.shares(
        drawn, own, color=plot.WARM, gid="own", label="states that it reached itself, others in each round", fmt="s-"
    )
    return plot.svg(drawn)


def _same(path: Path, plan: dict[str, Any]) -> None:
    """Raises OperatorError where the folder holds the rounds of another plan."""
    if path.is_file() and json.loads(path.read_text()) != plan:
        raise OperatorError(f"{path.parent} holds rounds of another plan or other base rows: name a folder of its own")
    _write(path, [json.dumps(plan, indent=1).encode() + b"\n"])


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """Whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.writelines(parts)
    partial.replace(path)
