"""Rows for the analyst's student: views of the fast oracle analyst, scored by agreement with the full one."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from random import Random

from sentinel.agent.action_format import THOUGHT, closed
from sentinel.agent.analyst import ModelAnalyst, SettingsAnalyst
from sentinel.agent.episode import Sampler
from sentinel.core.actions import Proposal, View
from sentinel.core.errors import NoView
from sentinel.core.mandate import Brief
from sentinel.core.market_state import MarketView, Regime
from sentinel.core.trajectory import Trajectory, Turn
from sentinel.core.units import BPS
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.distill.states.tasks import CollectionRequest, Task
from sentinel.distill.teaching.analysis import FAST, FULL, OracleAnalyst, Step
from sentinel.distill.teaching.teacher import Teacher
from sentinel.distill.trajectory_store import ANALYST, TrajectoryRow

WITHIN = 100  # max difference of a weight between views that agree, in bps
TIMEOUT = 60.0  # seconds; no block waits for an answer here


def agree(one: MarketView | None, other: MarketView | None, within: int = WITHIN) -> bool:
    """True if the regimes are the same and no weight differs by more than `within` bps. Confidence is not compared."""
    if one is None or other is None or one.regime != other.regime:
        return False
    names = {*one.target_weights, *other.target_weights}
    return all(abs(one.target_weights.get(n, 0) - other.target_weights.get(n, 0)) <= within for n in names)


def draw_brief(draw: Random, case: Task) -> tuple[Brief, SettingsAnalyst]:
    """Draw the numbers of a brief, spread over what the market does in minutes but independent of this state."""
    quote = case.arena.network.quote
    base = draw.choice([symbol for symbol in case.arena.network.tokens if symbol != quote])
    standing = draw.randint(500, 9500)
    brief = Brief(
        base=base,
        trend=_spread(draw, 0.0003, 0.006),
        swing=_spread(draw, 0.0003, 0.004),
        fall=_spread(draw, 0.002, 0.03),
        size=draw.choice([100 * draw.randint(1, 40), draw.randint(20, 4000), round(draw.uniform(20, 4000), 1)]),
    )
    return brief, SettingsAnalyst({base: standing, quote: BPS - standing})


def _spread(draw: Random, low: float, high: float) -> float:
    return round(low * math.pow(high / low, draw.random()), draw.choice([4, 4, 5]))


def analyst(case: Task, sampler: Sampler, brief: Brief, standing: SettingsAnalyst) -> ModelAnalyst:
    network = case.arena.network
    quoter, builder = DexQuoter(network), ActionBuilder(network)
    return ModelAnalyst(sampler, case.arena.sandbox, network, quoter, builder, brief, standing, timeout=TIMEOUT)


def oracle(case: Task, steps: Sequence[Step], brief: Brief, standing: SettingsAnalyst) -> ModelAnalyst:
    return analyst(case, OracleAnalyst(steps), brief, standing)


def view_row(by: ModelAnalyst, proposal: Proposal, case: Task) -> MarketView | None:
    """The view in `proposal`; None if it holds none."""
    try:
        return by.read(proposal, case.state)
    except NoView:
        return None


async def row(case: Task, k: int, order: CollectionRequest, teacher: Teacher, code: str) -> TrajectoryRow:
    """The fast oracle's episode on the k-th brief of the task. Its score is 1 if the full oracle agrees, else 0."""
    brief, standing = draw_brief(Random(f"{case.id}#{k}"), case)
    full, fast = (oracle(case, steps, brief, standing) for steps in (FULL, FAST))
    full_view, proposal = view_row(full, await full.propose(case.state), case), await fast.propose(case.state)
    fast_view = view_row(fast, proposal, case)
    turns = [Turn(m["role"], m["content"]) for m in proposal.prompt]  # type: ignore[arg-type]
    turns.append(Turn("assistant", closed(proposal.samples[-1].text)))
    trajectory = Trajectory(
        id=f"{case.id}#{k}",
        playbook=ANALYST,
        turns=tuple(turns),
        first_thought=turns[-1].text.partition("\n")[0].removeprefix(THOUGHT),
        action="" if fast_view is None else _described(proposal),
        score=float(agree(fast_view, full_view)),
        source=teacher.source,
        state_id=case.id,
        model=teacher.model,
    )
    fault = None if fast_view is not None and full_view is not None else "no_view"
    acts = fast_view is not None and fast_view.regime is not Regime.RANGE
    return TrajectoryRow(trajectory, fault, acts, "none", order.part.name, order.seed, k, code, ANALYST)


def _described(proposal: Proposal) -> str:
    (view,) = {
        id(candidate.action): candidate.action
        for candidate in proposal.candidates
        if isinstance(candidate.action, View)
    }.values()
    return json.dumps(asdict(view), sort_keys=True, separators=(",", ":"))
