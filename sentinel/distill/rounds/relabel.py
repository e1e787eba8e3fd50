"""Relabeling: the turns that the oracle would take in each conversation that a student reached.

A student that was wrong has taken turns that the oracle never takes, so no trajectory of the oracle shows how to go on.
A row therefore begins with the student's turns and observations, which carry no loss, and the oracle continues. It
reads the market again, unless the last observation equals the one that its own first turn would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sentinel.agent import prompt
from sentinel.agent.action_format import closed
from sentinel.agent.episode import resume
from sentinel.agent.observation_vote import canonical
from sentinel.agent.oracle import next_action
from sentinel.core.actions import Finish, HoldAction, Sample
from sentinel.distill.collecting.trajectories import fault, to_trajectory
from sentinel.distill.states.decision_desk import EpisodeOutcome
from sentinel.distill.states.tasks import CollectionRequest, Task
from sentinel.distill.teaching.teacher import OracleTeacher
from sentinel.distill.trajectory_store import TrajectoryRow

ASKED = 2  # messages before the first turn: system and operator
MAX_STEPS = 5  # of an episode


class Relabeler:
    """The oracle in a conversation of a student. `seen` is the observation of its own first turn in this state."""

    source = "oracle"

    def __init__(self, seen: str) -> None:
        self._seen = canonical(seen)

    def turn(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The oracle's next turn after `messages`."""
        looked = canonical(messages[-1]["content"]) == self._seen
        return next_action(messages if looked else messages[:ASKED])

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        return [Sample(0, index, self.turn(messages), 0, Finish.STOP) for index in range(n)]


async def relabel(
    case: Task, verdict: EpisodeOutcome, reference: EpisodeOutcome, order: CollectionRequest, code: str
) -> list[TrajectoryRow]:
    """One row per turn of the student that the oracle would have written differently.

    A turn is skipped if the oracle could not end the episode within MAX_STEPS. `reference` is the oracle's own episode
    in the same state, of more than one step. The `sample` of a row is the number of the student's turns in it. The
    rows are not judged here.
    """
    relabeler = Relabeler(reference.proposal.prompt[-1]["content"])
    conversation = [*verdict.proposal.prompt]
    conversation.append({"role": "assistant", "content": closed(verdict.proposal.samples[-1].text)})
    rows = []
    for index in range(ASKED, len(conversation), 2):
        reached, turns_taken = conversation[:index], (index - ASKED) // 2
        right = relabeler.turn(reached)
        steps_left = MAX_STEPS - turns_taken
        if right != conversation[index]["content"] and steps_left >= (1 if _ends(right, reached) else 2):
            rows.append(await _row(case, relabeler, reached, order, code))
    return rows


def _ends(turn: str, reached: Sequence[Mapping[str, str]]) -> bool:
    """True if `turn` ends the episode. A turn that reads the market again equals the oracle's first turn."""
    return turn != next_action(reached[:ASKED])


async def _row(
    case: Task, relabeler: Relabeler, reached: Sequence[Mapping[str, str]], order: CollectionRequest, code: str
) -> TrajectoryRow:
    arena, tools = case.arena, case.arena.tools(case.state, case.scenario)
    turns_taken = (len(reached) - ASKED) // 2
    proposal = await resume(relabeler, arena.sandbox, tools, reached, prompt.observation, n=1, max_steps=MAX_STEPS)
    verdict = await arena.judge(case.state, proposal)
    acts = any(not isinstance(simulation.candidate.action, HoldAction) for simulation in verdict.simulations)
    trajectory = replace(
        to_trajectory(case, verdict, OracleTeacher(), turns_taken), given=len(reached) if turns_taken else 0
    )
    return TrajectoryRow(trajectory, fault(verdict), acts, "playbook", order.part.name, order.seed, turns_taken, code)
