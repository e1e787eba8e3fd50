"""The states that SwapBench poses: drawn once from the split, with the oracle's action verified on the fork.

Their chains have a constant clock, so grading meets the same states again, including all hashes.
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

LOOKBACK = 8  # bars; so a prompt with all closes is short enough for a small student
MAX_HOLD_SHARE = 0.5  # of the states of each playbook
EPOCH = 1_700_000_000.0  # the constant clock, Unix seconds
assert LOOKBACK <= BARS


@dataclass(frozen=True, slots=True)
class PosedState:
    """One state with its scenario and the oracle's verified action."""

    id: str
    market: MarketState
    scenario: Scenario
    network: Network
    action: Action
    acts: bool  # the oracle acts


async def stream(part: str, seed: int, wanted: Container[str] | None = None) -> AsyncGenerator[tuple[Task, ...]]:
    """Yield tasks bar by bar. If `wanted` is set, segments without a wanted id are skipped."""
    split_part = split.load(part)
    async with aclosing(segments(split_part, seed, wanted=wanted, lookback=LOOKBACK, clock=lambda: EPOCH)) as chain:
        async for _, bar in chain:
            yield bar


async def pose(
    part: str, count: int, *, seed: int = 0, progress: Callable[[int], None] = lambda _: None
) -> list[PosedState]:
    """`count` states with an equal share for every playbook. At most half of a playbook's states are holds."""
    max_per_playbook, states, counts = -(-count // len(CLAUSES)), list[PosedState](), Counter[tuple[str, bool]]()
    async with aclosing(stream(part, seed)) as chain:
        async for bar in chain:
            for case in bar:
                playbook = case.scenario.mandate.playbook
                if counts[playbook, True] + counts[playbook, False] >= max_per_playbook:
                    continue
                verdict = await case.arena.play(OracleModel(), case.state, case.scenario, 1)
                acts = isinstance(verdict.decision, Act)
                if drop_reason(case, verdict) is not None or (
                    not acts and counts[playbook, False] >= MAX_HOLD_SHARE * max_per_playbook
                ):
                    continue
                counts[playbook, acts] += 1
                action = verdict.simulations[0].candidate.action
                states.append(PosedState(case.id, case.state, case.scenario, case.arena.network, action, acts))
                progress(len(states))
                if len(states) == count:
                    return states
    raise AssertionError("the stream of cases has no end")


def save(path: Path, posed: list[PosedState]) -> None:
    """Write the states atomically. The file is a cache of this checkout, because it is read with pickle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_bytes(pickle.dumps(posed))
    partial.replace(path)


def load(path: Path) -> list[PosedState]:
    return list(pickle.loads(path.read_bytes()))


def digest(posed: list[PosedState]) -> str:
    """SHA-256 of the states in order. Two tables can be compared only if it is the same."""
    parts = "\n".join(f"{one.id} {one.market.head.hash} {one.scenario}" for one in posed)
    return hashlib.sha256(parts.encode()).hexdigest()
