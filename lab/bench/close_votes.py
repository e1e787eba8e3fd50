"""Benefit of more samples if a vote is close: one sampler, one set of states, three voting methods.

In every state the student gives n samples and then more, up to `max_samples`. So the same samples serve three methods:
always n, always `max_samples`, and `max_samples` only if the rule calls the vote close. A decision is right if it
agrees with the oracle's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import uvloop

from lab.bench.quantiles import summary
from sentinel.agent.episode import Sampler
from sentinel.agent.oracle import OracleModel
from sentinel.agent.vllm_server import served, student
from sentinel.core.decision import Act, Decision
from sentinel.decide.extra_samples import DISSENT_BPS, extra_samples
from sentinel.distill.collecting.trajectories import drop_reason
from sentinel.distill.states import split
from sentinel.distill.states.decision_desk import EpisodeOutcome
from sentinel.distill.states.oracle_agreement import agrees
from sentinel.distill.states.tasks import Task, tasks


@dataclass(slots=True)
class VotingMethod:
    """Results of one voting method: how often it was right or acted wrongly, and the seconds per decision."""

    fates: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def count(self, case: Task, ours: Decision, right: Decision, seconds: float) -> None:
        hit = _agree(case, ours, right)
        self.fates["right"] += hit
        self.fates["acted"] += isinstance(ours, Act)
        self.fates["acted wrongly"] += isinstance(ours, Act) and not hit
        self.seconds.append(seconds)

    def as_json(self) -> dict[str, Any]:
        return {**self.fates, "mean_ms": round(fmean(self.seconds) * 1e3, 1), **summary(self.seconds)}


def measure(
    model: Path,
    states: int,
    n: int,
    max_samples: int,
    temperature: float,
    say: Callable[[str], None],
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Measure on development states, which no student learned from. Serves the student in `model` with vLLM."""

    async def main() -> dict[str, Any]:
        say("vLLM loads the student; this takes about 40 seconds on two cores …")
        async with served(model) as server, student(server.url, seed=1, temperature=temperature) as sampler:
            return await _measure(sampler, states, n, max_samples, progress)

    return {"n": n, "most": max_samples, "temperature": temperature, "dissent_bps": DISSENT_BPS, **uvloop.run(main())}


async def _measure(
    sampler: Sampler, states: int, n: int, max_samples: int, progress: Callable[[int], None]
) -> dict[str, Any]:
    methods, teacher, close, changed, done = (
        {name: VotingMethod() for name in ("n", "close", "most")},
        OracleModel(),
        0,
        0,
        0,
    )
    async with aclosing(tasks(split.load("dev"), 3)) as stream:
        async for case in stream:
            reference = await case.arena.play(teacher, case.state, case.scenario, 1)
            if drop_reason(case, reference) is not None:
                continue
            trader, view = case.arena.trader(sampler, case.scenario), case.scenario.view
            began = perf_counter()
            proposal = await trader.propose(case.state, view, n)
            small = await case.arena.judge(case.state, proposal)
            middle = perf_counter()
            large = await case.arena.judge(case.state, await trader.more(case.state, view, proposal, max_samples - n))
            short, long = middle - began, perf_counter() - began
            again = extra_samples(small.decision, _ballots(small), max_samples, case.arena.settings.vote.quorum_bps) > 0
            right = reference.decision
            methods["n"].count(case, small.decision, right, short)
            methods["most"].count(case, large.decision, right, long)
            methods["close"].count(case, (large if again else small).decision, right, long if again else short)
            close += again
            changed += again and not _agree(case, small.decision, large.decision)
            done += 1
            progress(done)
            if done == states:
                break
    results = {name: method.as_json() for name, method in methods.items()}
    return {"states": states, "close": close, "changed": changed, "ways": results}


def _ballots(verdict: EpisodeOutcome) -> int:
    return len(verdict.simulations) - len(verdict.refusals)


def _agree(case: Task, one: Decision, other: Decision) -> bool:
    return agrees(one, other, lambda pair, asked: case.arena.decide(case.state, pair, asked))
