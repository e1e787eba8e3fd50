"""Run the oracle teacher on local-market states and keep the trajectories that the fork verified."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from sentinel.agent.form import closed
from sentinel.agent.sandbox import Sandbox
from sentinel.distill.arena import Arena, Verdict
from sentinel.distill.oracle import OracleModel
from sentinel.distill.scenario import Scenario
from sentinel.distill.split import Part, Segment
from sentinel.distill.value import ENOUGH, best, captured, value
from sentinel.types import Act, Hold, HoldAction, MarketState, Simulation, Trajectory, Turn

BARS_A_SEGMENT = 40
SPARE_HOLDS = 20  # a playbook's holds may outnumber its acts by so many


@dataclass(frozen=True, slots=True)
class Case:
    """One state with what is asked of the trader in it."""

    id: str  # day/start/seed/bar/wallet
    state: MarketState
    scenario: Scenario
    arena: Arena


async def cases(part: Part, seed: int) -> AsyncGenerator[Case]:
    """Endless; the same for the same part and seed, up to block times."""
    with Sandbox(workers=2) as sandbox:
        for segment in part.segments(BARS_A_SEGMENT, seed):
            draw = Random(f"{part.name}/{segment}")
            async with Arena.open(part, segment, sandbox) as arena:
                for bar in range(BARS_A_SEGMENT):
                    for wallet, state in enumerate(await arena.advance(draw)):
                        yield Case(_id(segment, bar, wallet), state, arena.scenario(draw, state), arena)


async def collect(
    part: Part, count: int, out: Path, *, seed: int = 0, progress: Callable[[int], None] = lambda _: None
) -> dict[str, int]:
    """Write `count` verified trajectories as JSON lines. The file appears whole or not at all.

    Returns how many were kept by playbook and kind, and dropped by reason.
    """
    teacher, fates, kept = OracleModel(), Counter[str](), 0
    partial = out.with_suffix(".partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    async with aclosing(cases(part, seed)) as stream:
        with partial.open("w", encoding="utf-8") as file:
            async for case in stream:
                verdict = await case.arena.play(teacher, case.state, case.scenario, 1)
                if (reason := drop_reason(case, verdict)) is not None:
                    fates[f"dropped: {reason}"] += 1
                    continue
                trajectory = to_trajectory(case, verdict)
                acted = f"kept: {trajectory.playbook} act"
                held = f"kept: {trajectory.playbook} hold"
                if isinstance(verdict.decision, Hold) and fates[held] > fates[acted] + SPARE_HOLDS:
                    fates["dropped: holds outnumber acts"] += 1
                    continue
                fates[acted if isinstance(verdict.decision, Act) else held] += 1
                file.write(json.dumps(asdict(trajectory), ensure_ascii=False, separators=(",", ":")) + "\n")
                kept += 1
                progress(kept)
                if kept == count:
                    break
    partial.replace(out)
    return dict(sorted(fates.items()))


def drop_reason(case: Case, verdict: Verdict) -> str | None:
    """None for a trajectory whose final action ran, was simulated without a revert, passed every hard limit, and is
    worth at least ENOUGH of what can be had by exact quotes."""
    if verdict.proposal.discarded:
        return verdict.proposal.discarded[0].reason
    if verdict.refusals:
        return f"refused by {verdict.refusals[0].rule}"
    if isinstance(verdict.decision, Hold) and not isinstance(verdict.simulations[0].candidate.action, HoldAction):
        return verdict.decision.reason
    return None if score(case, verdict.simulations[0]) >= ENOUGH else "worth too little"


def score(case: Case, simulation: Simulation) -> float:
    """The share of the value to be had in the case that the action captures."""
    box, mandate = case.arena.tools(case.state, case.scenario), case.scenario.mandate
    return captured(value(mandate, box, simulation), best(mandate, box))


def to_trajectory(case: Case, verdict: Verdict) -> Trajectory:
    proposal = verdict.proposal
    turns = [Turn(m["role"], m["content"]) for m in proposal.prompt]  # type: ignore[arg-type]
    turns.append(Turn("assistant", closed(proposal.samples[-1].text)))
    first = next(turn.text for turn in turns if turn.role == "assistant")
    action = verdict.simulations[0].candidate.action
    return Trajectory(
        id=case.id,
        playbook=case.scenario.mandate.playbook,
        turns=tuple(turns),
        first_thought=first.partition("\n")[0].removeprefix("Thought: "),
        action=json.dumps(asdict(action), sort_keys=True, separators=(",", ":")),
        score=score(case, verdict.simulations[0]),
        source="oracle",
        state_id=case.id,
    )


def _id(segment: Segment, bar: int, wallet: int) -> str:
    return f"{segment.day}/{segment.start}/{segment.seed}/{bar}/{wallet}"
