"""One state played by a teacher as the trader: the trajectory and its verdict on the fork."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, replace
from functools import cache

from sentinel import __version__
from sentinel.agent import prompt
from sentinel.agent.action_format import THOUGHT, closed
from sentinel.core.actions import Action, HoldAction
from sentinel.core.decision import Hold
from sentinel.core.errors import ModelUnavailable
from sentinel.core.host.places import FILES, INSTALLED
from sentinel.core.simulation import Simulation
from sentinel.core.trajectory import Trajectory, Turn
from sentinel.distill.states.action_value import ENOUGH, best, captured, value
from sentinel.distill.states.decision_desk import EpisodeOutcome
from sentinel.distill.states.tasks import CollectionRequest, Task
from sentinel.distill.teaching.teacher import Teacher
from sentinel.distill.trajectory_store import TrajectoryRow

TOO_LITTLE = "worth too little"


async def row(
    case: Task, k: int, order: CollectionRequest, teacher: Teacher, code: str
) -> TrajectoryRow | ModelUnavailable:
    """The k-th trajectory of the task; the error if the teacher gave no usable answer."""
    mandate, view = case.scenario.mandate, case.scenario.view
    try:
        start = await teacher.start(mandate, prompt.messages(view, mandate, case.arena.network.quote), k)
        trader = case.arena.trader(start.sampler, case.scenario)
        trader = replace(trader, first_thought=start.first_thought, timeout=teacher.timeout)
        verdict = await case.arena.judge(case.state, await trader.propose(case.state, view, 1))
    except ModelUnavailable as error:
        return error
    acts = any(not isinstance(simulation.candidate.action, HoldAction) for simulation in verdict.simulations)
    trajectory = to_trajectory(case, verdict, teacher, k)
    return TrajectoryRow(trajectory, fault(verdict), acts, start.prefix, order.part.name, order.seed, k, code)


def fault(verdict: EpisodeOutcome) -> str | None:
    """Why the episode failed; None if its final action was simulated without a revert and passed every hard limit."""
    if verdict.proposal.discarded:
        return verdict.proposal.discarded[0].reason
    if verdict.refusals:
        return f"refused by {verdict.refusals[0].rule}"
    if isinstance(verdict.decision, Hold) and not isinstance(verdict.simulations[0].candidate.action, HoldAction):
        return verdict.decision.reason
    return None


def drop_reason(case: Task, verdict: EpisodeOutcome) -> str | None:
    """The reason to drop the episode; None if it has no fault and captures at least ENOUGH of the value."""
    if (reason := fault(verdict)) is not None:
        return reason
    return None if score(case, verdict.simulations[0]) >= ENOUGH else TOO_LITTLE


def score(case: Task, simulation: Simulation) -> float:
    """The share of the task's best value that the action captures, 0 to 1."""
    box, mandate = case.arena.tools(case.state, case.scenario), case.scenario.mandate
    return captured(value(mandate, box, simulation), best(mandate, box))


def to_trajectory(case: Task, verdict: EpisodeOutcome, teacher: Teacher, k: int) -> Trajectory:
    """The episode as the k-th trajectory of the task."""
    proposal = verdict.proposal
    turns = [Turn(m["role"], m["content"]) for m in proposal.prompt]  # type: ignore[arg-type]
    turns.append(Turn("assistant", closed(proposal.samples[-1].text)))
    first = next(turn.text for turn in turns if turn.role == "assistant")
    simulated = verdict.simulations[0] if verdict.simulations else None
    return Trajectory(
        id=numbered(case.id, k),
        playbook=case.scenario.mandate.playbook,
        turns=tuple(turns),
        first_thought=first.partition("\n")[0].removeprefix(THOUGHT),
        action="" if simulated is None else _described(simulated.candidate.action),
        score=0.0 if simulated is None else score(case, simulated),
        source=teacher.source,
        state_id=case.id,
        model=teacher.model,
    )


def _described(action: Action) -> str:
    """The action as JSON without its deadline, which depends on the clock: the same work must give the same rows."""
    body = {name: value for name, value in asdict(action).items() if name not in ("deadline", "expiry")}
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


@cache
def version() -> str:
    """Version of the code: the package's, and in a checkout the commit too."""
    if INSTALLED:
        return __version__
    command = ["git", "-C", str(FILES), "rev-parse", "--short=12", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{__version__}+{result.stdout.strip()}" if result.returncode == 0 else __version__


def numbered(case_id: str, k: int) -> str:
    """The id of the k-th trajectory of a task."""
    return f"{case_id}#{k}"
