"""Student states: a student runs on the local market, and the oracle relabels the states where it is wrong.

Balances are drawn once per segment. After that they follow from the student's accepted trades, which are sent, so the
student meets states of its own making. It has one sample per step, because a vote would hide some of its errors.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from sentinel.agent.episode import Sampler
from sentinel.agent.oracle import OracleModel
from sentinel.core.decision import Act
from sentinel.core.statistics import Share
from sentinel.core.trajectory import Trajectory
from sentinel.distill.collecting.selection import unfit_reason
from sentinel.distill.collecting.trajectories import drop_reason, version
from sentinel.distill.evaluation.evaluate import judge
from sentinel.distill.rounds.relabel import relabel
from sentinel.distill.states.decision_desk import EpisodeOutcome
from sentinel.distill.states.tasks import CollectionRequest, Task, segments
from sentinel.distill.trajectory_store import TrajectoryRow


@dataclass(slots=True)
class StudentStates:
    """The result of a run. A state is passed over if the oracle's own action was not verified in it."""

    rows: list[Trajectory] = field(default_factory=list)  # rows that `select` would find fit
    states: int = 0
    passed_over: int = 0
    right: int = 0  # states in which the student was right
    sent: int = 0  # trades of the student
    dropped: Counter[str] = field(default_factory=Counter)  # unfit rows by reason

    def add(self, row: TrajectoryRow) -> None:
        """Keep the row if it is fit for training, else count its reason."""
        if (reason := unfit_reason(row)) is not None:
            self.dropped[reason] += 1
        else:
            self.rows.append(row.trajectory)

    def as_json(self) -> dict[str, Any]:
        return {
            "states": self.states,
            "passed_over": self.passed_over,
            "right": Share(self.right, self.states - self.passed_over).as_json(),
            "sent": self.sent,
            "rows": len(self.rows),
            "rows_after_own_turns": sum(row.given > 0 for row in self.rows),
            "dropped": dict(sorted(self.dropped.items())),
        }


async def visit_states(
    student: Sampler, order: CollectionRequest, *, progress: Callable[[int], None] = lambda _: None
) -> StudentStates:
    """Run the student on the first `order.states` states (whole bars, so up to three more). Raises ModelUnavailable."""
    result, code = StudentStates(), version()
    async with aclosing(segments(order.part, order.seed, keep=True)) as stream:
        async for arena, bar in stream:
            played = await asyncio.gather(*(_one(student, case, order, code) for case in bar))
            for case, (verdict, right, rows) in zip(bar, played, strict=True):
                result.states += 1
                result.passed_over += right is None
                result.right += right is True
                for row in rows:
                    result.add(row)
                if isinstance(verdict.decision, Act):
                    await arena.send(case.state, verdict.decision.simulation)
                    result.sent += 1
            progress(result.states)
            if result.states >= order.states:
                return result
    raise AssertionError("the stream of bars has no end")


async def _one(
    student: Sampler, case: Task, order: CollectionRequest, code: str
) -> tuple[EpisodeOutcome, bool | None, list[TrajectoryRow]]:
    """The student's episode, whether it was right (None: passed over), and the oracle's rows if it was wrong."""
    reference = await case.arena.play(OracleModel(), case.state, case.scenario, 1)
    verdict = await case.arena.play(student, case.state, case.scenario, 1)
    if drop_reason(case, reference) is not None:
        return verdict, None, []
    right = judge(case, verdict, reference, 0.0).success and not verdict.proposal.discarded
    return verdict, right, [] if right else await relabel(case, verdict, reference, order, code)
