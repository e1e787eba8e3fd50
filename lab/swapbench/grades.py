"""Answers judged on the fork: the chains come again, every proposal is simulated, screened and voted in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from lab.swapbench.answers import StudentAnswer
from lab.swapbench.posed_states import PosedState, stream
from sentinel.core.actions import Candidate, Proposal, Stage
from sentinel.core.decision import Act
from sentinel.core.errors import SentinelError
from sentinel.distill.states.action_value import best, captured, regret_bps, succeeds, value
from sentinel.distill.states.tasks import Task


@dataclass(frozen=True, slots=True)
class Grade:
    """One state's decision beside the oracle's."""

    state: str
    playbook: str
    acts: bool  # the oracle does
    success: bool
    captured: float  # of the oracle's value, 0 to 1
    regret_bps: float  # of equity
    decision: str  # "act", or why it holds
    unparsed: float  # share of the samples
    failed: float  # share whose code failed or whose action could not be built
    refused: float  # share of the samples that policy took out
    tool_calls: float  # a sample
    tokens: int  # generated, all samples
    steps: int


async def grade(
    part: str,
    seed: int,
    posed: Sequence[PosedState],
    answers: Mapping[str, Sequence[StudentAnswer]],
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, list[Grade]]:
    """`answers` by arm, each in the order of `posed`. Raises SentinelError where the chain is another one."""
    places = {one.id: place for place, one in enumerate(posed)}
    grades: dict[str, dict[int, Grade]] = {arm: {} for arm in answers}
    done = 0
    async with aclosing(stream(part, seed, places)) as chain:
        async for bar in chain:
            for case in bar:
                place = places.get(case.id)
                if place is None:
                    continue
                if case.state.head.hash != posed[place].market.head.hash:
                    raise SentinelError(f"{case.id}: the chain is another than the one that was answered on")
                found = await _judge(case, {arm: of[place] for arm, of in answers.items()}, posed[place].acts)
                for arm, one in found.items():
                    grades[arm][place] = one
                done += 1
                progress(done)
            if done == len(posed):
                break
    return {arm: [of[place] for place in range(len(posed))] for arm, of in grades.items()}


async def _judge(case: Task, answers: Mapping[str, StudentAnswer], acts: bool) -> dict[str, Grade]:
    """One batch of simulations for all arms."""
    arena, mandate = case.arena, case.scenario.mandate
    box = arena.tools(case.state, case.scenario)
    oracle, equity = best(mandate, box), box.equity()
    proposals = {arm: one.proposal for arm, one in answers.items()}
    everything: list[Candidate] = [one for proposal in proposals.values() for one in proposal.candidates]
    simulated = iter(await arena.toolkit.simulate_all(case.state, everything))
    grades = {}
    for arm, proposal in proposals.items():
        verdict = arena.verdict(case.state, proposal, tuple(next(simulated) for _ in proposal.candidates))
        decision = verdict.decision
        got = value(mandate, box, decision.simulation) if isinstance(decision, Act) else 0.0
        grades[arm] = Grade(
            state=case.id,
            playbook=mandate.playbook,
            acts=acts,
            success=succeeds(got, oracle),
            captured=round(captured(got, oracle), 4),
            regret_bps=round(regret_bps(got, oracle, equity), 3),
            decision="act" if isinstance(decision, Act) else decision.reason,
            unparsed=_share(proposal, Stage.PARSE) + _share(proposal, Stage.SAMPLE),
            failed=_share(proposal, Stage.CODE) + _share(proposal, Stage.ACTION) + _share(proposal, Stage.EPISODE),
            refused=round(len(verdict.refusals) / proposal.asked, 4),
            tool_calls=round(answers[arm].tool_calls / proposal.asked, 3),
            tokens=sum(sample.tokens for sample in proposal.samples),
            steps=proposal.steps,
        )
    return grades


def _share(proposal: Proposal, stage: Stage) -> float:
    return round(sum(one.stage is stage for one in proposal.discarded) / proposal.asked, 4)
