"""Judge a served student on held-out states: does its voted decision agree with the oracle's?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from sentinel.agent.episode import Sampler
from sentinel.distill.collect import cases, drop_reason
from sentinel.distill.oracle import OracleModel
from sentinel.distill.score import agrees
from sentinel.distill.split import Part
from sentinel.shares import Share
from sentinel.types import Act, Hold

LEAST_ACTS = 0.45  # of the judged states; a student that always holds must not look good


@dataclass(slots=True)
class Tally:
    """Counts by slice: "all", "act", "hold" (the oracle's decision), and each playbook."""

    hits: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    fates: Counter[str] = field(default_factory=Counter)
    misses: list[dict[str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def count(self, slices: tuple[str, ...], hit: bool) -> None:
        for name in slices:
            self.totals[name] += 1
            self.hits[name] += hit

    def as_json(self) -> dict[str, Any]:
        return {
            "agreement": {name: Share(self.hits[name], self.totals[name]).as_json() for name in self.totals},
            "samples": dict(sorted(self.fates.items())),
            "median_seconds_a_decision": round(median(self.seconds), 3) if self.seconds else None,
            "misses": self.misses,
        }


async def evaluate(
    student: Sampler,
    part: Part,
    count: int,
    *,
    n: int = 8,
    seed: int = 1,
    prefill: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """`count` states on which the oracle's own action is verified, at least LEAST_ACTS of them acts."""
    teacher, tally = OracleModel(), Tally()
    async with aclosing(cases(part, seed)) as stream:
        async for case in stream:
            reference = await case.arena.play(teacher, case.state, case.scenario, 1)
            acting = isinstance(reference.decision, Act)
            if drop_reason(case, reference) is not None:
                continue
            if not acting and tally.totals["hold"] >= (1 - LEAST_ACTS) * count:
                continue
            started = perf_counter()
            verdict = await case.arena.play(student, case.state, case.scenario, n, prefill=prefill)
            tally.seconds.append(perf_counter() - started)
            hit = agrees(
                verdict.decision,
                reference.decision,
                lambda pair, asked, case=case: case.arena.decide(case.state, pair, asked),  # type: ignore[misc]
            )
            tally.count(("all", "act" if acting else "hold", case.scenario.mandate.playbook), hit)
            tally.fates["candidates"] += len(verdict.proposal.candidates)
            for discarded in verdict.proposal.discarded:
                tally.fates[f"discarded: {discarded.stage} {discarded.reason}"] += 1
            if not hit:
                tally.misses.append(
                    {"state": case.id, "oracle": _word(reference.decision), "ours": _word(verdict.decision)}
                )
            progress(tally.totals["all"])
            if tally.totals["all"] == count:
                return tally.as_json()
    raise AssertionError("the stream of cases has no end")


def _word(decision: Act | Hold) -> str:
    return f"hold ({decision.reason})" if isinstance(decision, Hold) else f"act {dict(decision.simulation.deltas)}"
