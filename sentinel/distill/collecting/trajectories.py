"""One state played by a teacher as the trader: its trajectory, with what became of it on the fork."""

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
    """The k-th trajectory of the case; the error where the teacher gave no usable answer."""
    mandate, view = case.scenario.mandate, case.scenario.view
    try:
        start = await teacher.start(mandate, prompt.messages(view, mandate, case.arena.network.quote), k)
        trader = case.arena.trader(start.sampler, case.scenario)
        trader = replace(trader, first_thought=start.first_thought, timeout=teacher.timeout)
        verdict = await case.arena.judge(case.state, await trader.propose(case.state, view, 1))
    except ModelUnavailable as error:
        return error
    acts = any(not isinstance(one.candidate.action, HoldAction) for one in verdict.simulations)
    made = to_trajectory(case, verdict, teacher, k)
    return TrajectoryRow(made, fault(verdict), acts, start.prefix, order.part.name, order.seed, k, code)


def fault(verdict: EpisodeOutcome) -> str | None:
    """None where the final action ran, was simulated without a revert and passed every hard limit."""
    if verdict.proposal.discarded:
        return verdict.proposal.discarded[0].reason
    if verdict.refusals:
        return f"refused by {verdict.refusals[0].rule}"
    if isinstance(verdict.decision, Hold) and not isinstance(verdict.simulations[0].candidate.action, HoldAction):
        return verdict.decision.reason
    return None


def drop_reason(case: Task, verdict: EpisodeOutcome) -> str | None:
    """None for an action without a fault that is worth at least ENOUGH of what can be had by exact quotes."""
    if (why := fault(verdict)) is not None:
        return why
    return None if score(case, verdict.simulations[0]) >= ENOUGH else TOO_LITTLE


def score(case: Task, simulation: Simulation) -> float:
    """The share of the value to be had in the case that the action captures."""
    box, mandate = case.arena.tools(case.state, case.scenario), case.scenario.mandate
    return captured(value(mandate, box, simulation), best(mandate, box))


def to_trajectory(case: Task, verdict: EpisodeOutcome, teacher: Teacher, k: int) -> Trajectory:
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
    """Without its deadline: that follows the wall clock, and the same work gives the same rows."""
    body = {name: value for name, value in asdict(action).items() if name not in ("deadline", "expiry")}
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


@cache
def version() -> str:
    """Of the code: the package's, and the commit where it is a checkout."""
    if INSTALLED:
        return __version__
    command = ["git", "-C", str(FILES), "rev-parse", "--short=12", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{__version__}+{done.stdout.strip()}" if done.returncode == 0 else __version__


def numbered(case_id: str, k: int) -> str:
    return f"{case_id}#{k}"
