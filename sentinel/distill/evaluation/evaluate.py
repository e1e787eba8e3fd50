"""Judge a served student on held-out states: what it captures of the oracle's value, and where the two agree."""

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

MIN_ACTS = 0.45  # of the judged states; a student that always holds must not look good


@dataclass(frozen=True, slots=True)
class JudgedState:
    """One state's decision beside the oracle's. Values are quote tokens, as in action_value.py; a hold's is 0."""

    state: str  # day/start/seed/bar/wallet: two students are paired by it
    playbook: str
    kind: str  # what the oracle does: "act" or "hold"
    oracle: float  # value of what can be had
    ours: float
    success: bool  # within every hard limit and 95 % of the oracle's value, or as good as holding where it holds
    agrees: bool  # the vote would count the two decisions as one
    regret_bps: float  # of equity
    refused: int  # samples that policy took out of the vote
    discarded: int  # samples that came to no action
    steps: int
    tokens: int  # generated, all samples of all steps
    seconds: float  # of the whole decision
    decision: str


def judge(case: Task, verdict: EpisodeOutcome, reference: EpisodeOutcome, seconds: float) -> JudgedState:
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
    """Shares by slice: "all", "act", "hold" (the oracle's decision), and each playbook; means over the states."""
    slices: dict[str, list[JudgedState]] = {}
    for one in judged:
        for name in ("all", one.kind, one.playbook):
            slices.setdefault(name, []).append(one)
    return {
        "agreement": {name: Share(sum(j.agrees for j in of), len(of)).as_json() for name, of in slices.items()},
        "success": {name: Share(sum(j.success for j in of), len(of)).as_json() for name, of in slices.items()},
        "captured": _mean([captured(one.ours, one.oracle) for one in judged]),
        "regret_bps": _mean([one.regret_bps for one in judged]),
        "tokens_a_decision": _mean([one.tokens for one in judged]),
        "steps_a_decision": _mean([one.steps for one in judged]),
        "median_seconds_a_decision": round(median([one.seconds for one in judged]), 3) if judged else None,
        "misses": [
            {
                "state": one.state,
                "oracle": f"{one.kind}, worth {one.oracle}",
                "ours": f"{one.decision}, worth {one.ours}",
            }
            for one in judged
            if not (one.success and one.agrees)
        ],
        "judged": [asdict(one) for one in judged],
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
    """`count` states on which the oracle's own action is verified, at least LEAST_ACTS of them acts. The same states
    for every student, part, count and seed being equal."""
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
            except ModelTimeout as error:  # the daemon would hold; where no model answers at all nothing is judged
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
