"""Judge a served student on held-out states: the captured share of the oracle's value, and the agreement with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from statistics import mean, median
from time import perf_counter
from typing import Any

from sentinel.agent.episode import Sampler
from sentinel.agent.oracle import OracleModel
from sentinel.core.actions import Discarded, DiscardReason, Proposal, Stage
from sentinel.core.decision import Act, Hold, HoldReason
from sentinel.core.errors import ModelTimeout
from sentinel.core.statistics import Share
from sentinel.distill.collecting.trajectories import drop_reason
from sentinel.distill.states.action_value import best, captured, regret_bps, succeeds, value
from sentinel.distill.states.decision_desk import EpisodeOutcome
from sentinel.distill.states.oracle_agreement import agrees
from sentinel.distill.states.split import SplitPart
from sentinel.distill.states.tasks import Task, tasks

MIN_ACTS = 0.45  # min share of the judged states, so that a student that always holds does not look good


@dataclass(frozen=True, slots=True)
class JudgedState:
    """One state's decision compared with the oracle's. Values are quote tokens as in action_value.py; a hold has 0."""

    state: str  # day/start/seed/bar/wallet; the comparison pairs students by it
    playbook: str
    kind: str  # what the oracle does: "act" or "hold"
    oracle: float  # best value
    ours: float  # value of the student's decision
    success: bool  # it kept every hard limit and captured 95 % of the oracle's value (see action_value.captured)
    agrees: bool  # the vote would count both decisions as the same
    regret_bps: float  # of equity
    refused: int  # samples that policy took out of the vote
    discarded: int  # samples without a candidate
    steps: int
    tokens: int  # generated, all samples of all steps
    seconds: float  # for the whole decision
    decision: str


def judge(case: Task, verdict: EpisodeOutcome, reference: EpisodeOutcome, seconds: float) -> JudgedState:
    """Compare the student's episode `verdict` with `reference`, the oracle's."""
    mandate, box = case.scenario.mandate, case.arena.tools(case.state, case.scenario)
    decision, oracle = verdict.decision, best(mandate, box)
    ours = value(mandate, box, decision.simulation) if isinstance(decision, Act) else 0.0
    return JudgedState(
        state=case.id,
        playbook=mandate.playbook,
        kind="act" if isinstance(reference.decision, Act) else "hold",
        oracle=round(oracle, 6),
        ours=round(ours, 6),
        success=succeeds(ours, oracle),
        agrees=agrees(decision, reference.decision, lambda pair, asked: case.arena.decide(case.state, pair, asked)),
        regret_bps=round(regret_bps(ours, oracle, box.equity()), 6),
        refused=len(verdict.refusals),
        discarded=len(verdict.proposal.discarded),
        steps=verdict.proposal.steps,
        tokens=sum(sample.tokens for sample in verdict.proposal.samples),
        seconds=round(seconds, 3),
        decision=_word(decision),
    )


def summary(judged: Sequence[JudgedState]) -> dict[str, Any]:
    """Shares by slice ("all", the oracle's decision "act" or "hold", each playbook), and means over the states."""
    slices: dict[str, list[JudgedState]] = {}
    for state in judged:
        for name in ("all", state.kind, state.playbook):
            slices.setdefault(name, []).append(state)
    return {
        "agreement": {name: Share(sum(j.agrees for j in of), len(of)).as_json() for name, of in slices.items()},
        "success": {name: Share(sum(j.success for j in of), len(of)).as_json() for name, of in slices.items()},
        "captured": _mean([captured(state.ours, state.oracle) for state in judged]),
        "regret_bps": _mean([state.regret_bps for state in judged]),
        "tokens_a_decision": _mean([state.tokens for state in judged]),
        "steps_a_decision": _mean([state.steps for state in judged]),
        "median_seconds_a_decision": round(median([state.seconds for state in judged]), 3) if judged else None,
        "misses": [
            {
                "state": state.state,
                "oracle": f"{state.kind}, worth {state.oracle}",
                "ours": f"{state.decision}, worth {state.ours}",
            }
            for state in judged
            if not (state.success and state.agrees)
        ],
        "judged": [asdict(state) for state in judged],
    }


async def evaluate(
    student: Sampler,
    part: SplitPart,
    count: int,
    *,
    n: int = 8,
    seed: int = 1,
    prefill: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Judge the student on `count` states in which the oracle's action is verified; a share of MIN_ACTS are acts.

    The same part, count and seed give the same states for every student. Raises ModelUnavailable if no model answers.
    """
    teacher, fates, holds = OracleModel(), Counter[str](), 0
    judged: list[JudgedState] = []
    async with aclosing(tasks(part, seed)) as stream:
        async for case in stream:
            reference = await case.arena.play(teacher, case.state, case.scenario, 1)
            if drop_reason(case, reference) is not None:
                continue
            if isinstance(reference.decision, Hold):
                if holds >= (1 - MIN_ACTS) * count:
                    continue
                holds += 1
            started = perf_counter()
            try:
                verdict = await case.arena.play(student, case.state, case.scenario, n, prefill=prefill)
            except ModelTimeout as error:  # the daemon would hold, so this counts as a hold
                late = tuple(Discarded(index, Stage.SAMPLE, DiscardReason.MODEL_TIMEOUT) for index in range(n))
                silent = Proposal(n, (), late, (), (), 0, student.source)
                verdict = EpisodeOutcome(silent, (), (), Hold(HoldReason.MODEL_TIMEOUT, asked=n, detail=str(error)))
            judged.append(judge(case, verdict, reference, perf_counter() - started))
            fates["candidates"] += len(verdict.proposal.candidates)
            fates.update(f"discarded: {one.stage} {one.reason}" for one in verdict.proposal.discarded)
            fates.update(f"refused: {one.rule}" for one in verdict.refusals)
            progress(len(judged))
            if len(judged) == count:
                return {**summary(judged), "samples": dict(sorted(fates.items()))}
    raise AssertionError("the stream of cases has no end")


def _mean(values: Sequence[float]) -> float | None:
    return round(mean(values), 4) if values else None


def _word(decision: Act | Hold) -> str:
    return f"hold ({decision.reason})" if isinstance(decision, Hold) else f"act {dict(decision.simulation.deltas)}"
