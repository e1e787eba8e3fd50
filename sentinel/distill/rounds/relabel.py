"""The oracle's answer to what a student did: from each conversation that the student reached, the turns it should take.

A student that went wrong has turns behind it that the oracle would never have taken; what to do after them stands in no
trajectory of the oracle's own. So its own turns and what they showed stand at the beginning of a row, without loss, and
the oracle goes on from there: it looks anew, unless what was seen last is what its own look would have shown.
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

ASKED = 2  # messages before the first turn: the system's and the operator's
MAX_STEPS = 5  # of an episode


class Relabeler:
    """The oracle in a conversation that others began. `seen`: what its own first look shows in this state."""

    source = "oracle"

    def __init__(self, seen: str) -> None:
        self._seen = canonical(seen)

    def turn(self, messages: Sequence[Mapping[str, str]]) -> str:
        looked = canonical(messages[-1]["content"]) == self._seen
        return next_action(messages if looked else messages[:ASKED])

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        return [Sample(0, index, self.turn(messages), 0, Finish.STOP) for index in range(n)]


async def relabel(
    case: Task, verdict: EpisodeOutcome, reference: EpisodeOutcome, order: CollectionRequest, code: str
) -> list[TrajectoryRow]:
    """One row for each conversation of the student's episode in which the oracle would have written another turn than
    the student did, and can still end within MAX_STEPS; none of it is judged here. `reference` is the oracle's own
    episode in the same state, of more than one step. A row's sample is the number of the student's turns in it."""
    mender = Relabeler(reference.proposal.prompt[-1]["content"])
    conversation = [*verdict.proposal.prompt]
    conversation.append({"role": "assistant", "content": closed(verdict.proposal.samples[-1].text)})
    made = []
    for place in range(ASKED, len(conversation), 2):
        reached, taken = conversation[:place], (place - ASKED) // 2
        right = mender.turn(reached)
        steps_left = MAX_STEPS - taken
        if right != conversation[place]["content"] and steps_left >= (1 if _ends(right, reached) else 2):
            made.append(await _row(case, mender, reached, order, code))
    return made


def _ends(turn: str, reached: Sequence[Mapping[str, str]]) -> bool:
    """It is a last turn: one that looks anew is the same as at the beginning."""
    return turn != next_action(reached[:ASKED])


async def _row(
    case: Task, mender: Relabeler, reached: Sequence[Mapping[str, str]], order: CollectionRequest, code: str
) -> TrajectoryRow:
    arena, tools = case.arena, case.arena.tools(case.state, case.scenario)
    taken = (len(reached) - ASKED) // 2
    proposal = await resume(mender, arena.sandbox, tools, reached, prompt.observation, n=1, max_steps=MAX_STEPS)
    verdict = await arena.judge(case.state, proposal)
    acts = any(not isinstance(one.candidate.action, HoldAction) for one in verdict.simulations)
    trajectory = replace(to_trajectory(case, verdict, OracleTeacher(), taken), given=len(reached) if taken else 0)
    return TrajectoryRow(trajectory, fault(verdict), acts, "playbook", order.part.name, order.seed, taken, code)
