"""Training in rounds after DAgger (Ross et al. 2011): train, run the student, let the oracle relabel, train again.

    OUT/plan.json                  the plan; another plan in the same folder is refused
    OUT/round-0/data.jsonl         the base rows, and all relabeled rows of the rounds before
                student/           trained from scratch on them
                evaluation.json    scores on development states, the same in each round
                reached.jsonl      the oracle's rows where this student was wrong; reached.json counts them
    OUT/rounds.json, rounds.svg    success and gain by round

The files of a round are not made again, so the same command resumes an interrupted run. Each round trains from scratch
with the same recipe and number of steps. So rounds differ only in their rows, and the first one is the baseline.
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

STREAM = 1_000  # seed of the first round's states; each round has its own
# Fields of an evaluation that the report repeats.
KEPT = ("captured", "regret_bps", "tokens_a_decision", "steps_a_decision", "samples")


@dataclass(frozen=True, slots=True)
class RoundsPlan:
    """How many rounds, on which states, and how each training runs."""

    rounds: int  # after the first training
    states: int  # training states that each student runs on
    judged: int  # development states that judge each student
    n: int = 1  # samples per step while it is judged
    size: str = "nano"
    steps: int | None = None  # of each training; None: the default of the size
    seed: int = 7  # of each training


def run(plan: RoundsPlan, base: Path, out: Path) -> dict[str, Any]:
    """Run all rounds. Returns the content of rounds.json. Raises OperatorError or ModelUnavailable."""
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
    """Make the missing files of round `number`; the rounds before it must be complete."""
    folder = folders[number]
    folder.mkdir(exist_ok=True)
    data = folder / "data.jsonl"
    _write(data, (path.read_bytes() for path in (base, *(earlier / "reached.jsonl" for earlier in folders[:number]))))
    if not (folder / "trained.json").is_file():
        options = ("--steps", plan.steps) if plan.steps else ()
        recipe.run_train(data, folder / "student", "--size", plan.size, "--seed", plan.seed, *options)
        _write(folder / "trained.json", [(folder / "student" / "training.json").read_bytes()])
    with recipe.progress_bar() as bar:
        uvloop.run(_run_student(plan, number, folder, bar))


async def _run_student(plan: RoundsPlan, number: int, folder: Path, bar: Bar) -> None:
    """Judge the student on the development states. If another round follows, also run it on its training states."""
    judged, reached = folder / "evaluation.json", folder / "reached.json"
    last = number == plan.rounds
    if judged.is_file() and (last or reached.is_file()):
        return
    recipe.console.print(f"round {number}: starting vLLM with its student (about a minute)")
    async with served(folder / "student", log=folder / "vllm.log") as server, student(server.url, seed=1) as sampler:
        if not judged.is_file():
            judge_task = bar.add_task(f"round {number}: judge", total=plan.judged)
            scores = await evaluate(
                sampler,
                split.load("dev"),
                plan.judged,
                n=plan.n,
                progress=lambda k: bar.update(judge_task, completed=k),
            )
            _write(judged, [json.dumps(scores).encode()])
        if not last and not reached.is_file():
            request = CollectionRequest(split.load("train"), plan.states, seed=STREAM + number)
            run_task = bar.add_task(f"round {number}: run", total=plan.states)
            reached_states = await visit_states(
                sampler, request, progress=lambda k: bar.update(run_task, completed=min(k, plan.states))
            )
            lines = (
                trajectory_store.dumps(trajectory_store.body_of(row)).encode() + b"\n" for row in reached_states.rows
            )
            _write(folder / "reached.jsonl", lines)
            _write(
                reached, [json.dumps(reached_states.as_json()).encode()]
            )  # written last: it marks the round's rows as complete


def summary(plan: RoundsPlan, folders: list[Path]) -> dict[str, Any]:
    """The report. Gains against the previous and the first round are paired over the development states."""
    scores = [json.loads((folder / "evaluation.json").read_text()) for folder in folders]
    rounds = []
    for number, (folder, ours) in enumerate(zip(folders, scores, strict=True)):
        trained = json.loads((folder / "trained.json").read_text())
        entry = {"round": number, "trajectories": trained["trajectories"], "loss": trained["loss_last_50"]}
        entry |= {"success": ours["success"], **{name: ours[name] for name in KEPT}}
        if number:
            entry["gain"] = compare(ours["judged"], scores[number - 1]["judged"]).as_json()
            entry["gain_over_first"] = compare(ours["judged"], scores[0]["judged"]).as_json()
        if number < plan.rounds:
            entry["reached"] = json.loads((folder / "reached.json").read_text())
        rounds.append(entry)
    return {"plan": asdict(plan), "rounds": rounds}


def picture(report: dict[str, Any]) -> str:
    """Success over the number of trajectories of each round's training, with Wilson intervals, as SVG."""
    rounds, plan = report["rounds"], report["plan"]
    axes = plot.axes(
        f"Rounds of {plan['size']}: {plan['judged']} development states, {plan['states']} of its own",
        "trajectories trained on",
        "share of states",
    )
    axes.set_ylim(0, 1)
    plot.percent(axes.yaxis)
    judged = [(entry["trajectories"], entry["success"]["all"]) for entry in rounds]
    offset = (rounds[-1]["trajectories"] - rounds[0]["trajectories"]) / 60
    own_states = [(entry["trajectories"] + offset, entry["reached"]["right"]) for entry in rounds if "reached" in entry]
    plot.shares(axes, judged, color=plot.ACT, gid="judged", label="development states, the same in each round")
    plot.shares(
        axes,
        own_states,
        color=plot.WARM,
        gid="own",
        label="states that it reached itself, others in each round",
        fmt="s-",
    )
    return plot.svg(axes)


def _same(path: Path, plan: dict[str, Any]) -> None:
    """Save the plan. Raises OperatorError if the folder holds rounds of another plan."""
    if path.is_file() and json.loads(path.read_text()) != plan:
        raise OperatorError(f"{path.parent} holds rounds of another plan or other base rows: name another folder")
    _write(path, [json.dumps(plan, indent=1).encode() + b"\n"])


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """Write the file atomically."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.writelines(parts)
    partial.replace(path)
