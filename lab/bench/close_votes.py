"""Does another round pay where a vote is close? One sampler, one set of states, three ways to ask.

Every state is asked n samples and then the further ones up to `most`, whether close or not. So the same samples answer
for n alone, for `most` always, and for `most` where the rule calls the vote close. Right is what the oracle decides.
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
    """One way to ask: how often it was right, acted wrongly, and how long it took."""

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
    most: int,
    temperature: float,
    say: Callable[[str], None],
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """On states that no student learnt from. Starts vLLM with the student in the folder `model` and stops it."""

    async def main() -> dict[str, Any]:
        say("vLLM loads the student; this takes about 40 seconds on two cores …")
        async with served(model) as server, student(server.url, seed=1, temperature=temperature) as sampler:
            return await _measure(sampler, states, n, most, progress)

    return {"n": n, "most": most, "temperature": temperature, "dissent_bps": DISSENT_BPS, **uvloop.run(main())}


async def _measure(sampler: Sampler, states: int, n: int, most: int, progress: Callable[[int], None]) -> dict[str, Any]:
    ways, teacher, close, changed, done = (
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
            large = await case.arena.judge(case.state, await trader.more(case.state, view, proposal, most - n))
            short, long = middle - began, perf_counter() - began
            again = extra_samples(small.decision, _ballots(small), most, case.arena.settings.vote.quorum_bps) > 0
            right = reference.decision
            ways["n"].count(case, small.decision, right, short)
            ways["most"].count(case, large.decision, right, long)
            ways["close"].count(case, (large if again else small).decision, right, long if again else short)
            close += again
            changed += again and not _agree(case, small.decision, large.decision)
            done += 1
            progress(done)
            if done == states:
                break
    asked = {name: way.as_json() for name, way in ways.items()}
    return {"states": states, "close": close, "changed": changed, "ways": asked}


def _ballots(verdict: EpisodeOutcome) -> int:
    return len(verdict.simulations) - len(verdict.refusals)


def _agree(case: Task, one: Decision, other: Decision) -> bool:
    return agrees(one, other, lambda pair, asked: case.arena.decide(case.state, pair, asked))
