"""The states that SwapBench asks about: drawn once from the split, the oracle's action verified on the fork.

The clock of their chains stands still, so the same states come again to the last hash when answers are graded.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Container
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from lab.swapbench.mandate_texts import CLAUSES
from sentinel.agent.oracle import OracleModel
from sentinel.core.actions import Action
from sentinel.core.decision import Act
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network
from sentinel.distill.collecting.trajectories import drop_reason
from sentinel.distill.states import split
from sentinel.distill.states.arena import BARS
from sentinel.distill.states.scenario import Scenario
from sentinel.distill.states.tasks import Task, segments

LOOKBACK = 8  # bars: a prompt that holds all closes stays short enough for a small student
MAX_HOLD_SHARE = 0.5  # of each playbook
EPOCH = 1_700_000_000.0  # seconds
assert LOOKBACK <= BARS


@dataclass(frozen=True, slots=True)
class PosedState:
    """One state with what is asked in it, and the oracle's verified action."""

    id: str
    market: MarketState
    scenario: Scenario
    network: Network
    action: Action
    acts: bool


async def stream(part: str, seed: int, wanted: Container[str] | None = None) -> AsyncGenerator[tuple[Task, ...]]:
    """Bar by bar; through those segments alone that hold a `wanted` id, where some are named."""
    of = split.load(part)
    async with aclosing(segments(of, seed, wanted=wanted, lookback=LOOKBACK, clock=lambda: EPOCH)) as chain:
        async for _, bar in chain:
            yield bar


async def pose(
    part: str, count: int, *, seed: int = 0, progress: Callable[[int], None] = lambda _: None
) -> list[PosedState]:
    """`count` states, every playbook with an equal share, half of each acts where they are common enough."""
    most, found, taken = -(-count // len(CLAUSES)), list[PosedState](), Counter[tuple[str, bool]]()
    async with aclosing(stream(part, seed)) as chain:
        async for bar in chain:
            for case in bar:
                playbook = case.scenario.mandate.playbook
                if taken[playbook, True] + taken[playbook, False] >= most:
                    continue
                verdict = await case.arena.play(OracleModel(), case.state, case.scenario, 1)
                acts = isinstance(verdict.decision, Act)
                if drop_reason(case, verdict) is not None or (
                    not acts and taken[playbook, False] >= MAX_HOLD_SHARE * most
                ):
                    continue
                taken[playbook, acts] += 1
                action = verdict.simulations[0].candidate.action
                found.append(PosedState(case.id, case.state, case.scenario, case.arena.network, action, acts))
                progress(len(found))
                if len(found) == count:
                    return found
    raise AssertionError("the stream of cases has no end")


def save(path: Path, posed: list[PosedState]) -> None:
    """Whole or not at all. A cache of this checkout alone: it is read back with pickle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_bytes(pickle.dumps(posed))
    partial.replace(path)


def load(path: Path) -> list[PosedState]:
    return list(pickle.loads(path.read_bytes()))


def digest(posed: list[PosedState]) -> str:
    """Of what was asked, in order: two tables compare only where it is the same."""
    parts = "\n".join(f"{one.id} {one.market.head.hash} {one.scenario}" for one in posed)
    return hashlib.sha256(parts.encode()).hexdigest()
