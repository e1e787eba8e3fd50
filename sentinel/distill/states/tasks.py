"""Tasks: states of the local market with their scenarios, as an endless stream that a seed determines."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Container
from contextlib import aclosing
from dataclasses import dataclass
from random import Random

from sentinel.agent.sandbox import MAX_RUN_TIMEOUT, Sandbox
from sentinel.core.market_state import MarketState
from sentinel.distill.states.arena import BARS, WALLETS, Arena
from sentinel.distill.states.decision_desk import DecisionDesk
from sentinel.distill.states.scenario import Scenario
from sentinel.distill.states.split import SplitPart, SplitSegment
from sentinel.market.local_market import Clock

BARS_A_SEGMENT = 40


@dataclass(frozen=True, slots=True)
class CollectionRequest:
    """What to collect."""

    part: SplitPart
    states: int  # from the start of the stream; whole bars, so up to three more
    n: int = 1  # trajectories per state
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """One state with its scenario."""

    id: str  # day/start/seed/bar/wallet
    state: MarketState
    scenario: Scenario
    arena: DecisionDesk


async def tasks(part: SplitPart, seed: int) -> AsyncGenerator[Task]:
    """Yield tasks without end. The same part and seed give the same tasks, except for block times."""
    async with aclosing(segments(part, seed)) as stream:
        async for _, bar in stream:
            for case in bar:
                yield case


async def segments(
    part: SplitPart,
    seed: int,
    *,
    wanted: Container[str] | None = None,
    lookback: int = BARS,
    keep: bool = False,
    clock: Clock = time.time,
) -> AsyncGenerator[tuple[Arena, tuple[Task, ...]]]:
    """Yield the part's tasks bar by bar; each segment runs on a chain of its own.

    If `wanted` is set, segments without a wanted id are skipped. For the other parameters see `bars` and `Arena.open`.
    """
    with Sandbox(workers=2, seconds=MAX_RUN_TIMEOUT) as sandbox:
        for segment in part.segments(BARS_A_SEGMENT, seed):
            ids = (id_of(segment, bar, wallet) for bar in range(BARS_A_SEGMENT) for wallet in range(len(WALLETS)))
            if wanted is not None and not any(id in wanted for id in ids):
                continue
            async with (
                Arena.open(part, segment, sandbox, clock=clock) as arena,
                aclosing(bars(part, segment, arena, lookback=lookback, keep=keep)) as stream,
            ):
                async for bar in stream:
                    yield arena, bar


async def bars(
    part: SplitPart, segment: SplitSegment, arena: Arena, *, lookback: int = BARS, keep: bool = False
) -> AsyncGenerator[tuple[Task, ...]]:
    """Yield the tasks of a segment, one bar at a time. No mandate looks back further than `lookback` bars.

    If `keep` is set, balances are drawn only at the first bar; after it only the wallets' transactions change them.
    """
    draw = Random(f"{part.name}/{segment.seed_text}")
    for bar in range(BARS_A_SEGMENT):
        states = await arena.advance(draw, deal=bar == 0 or not keep)
        yield tuple(
            Task(id_of(segment, bar, wallet), state, arena.scenario(draw, state, lookback), arena)
            for wallet, state in enumerate(states)
        )


def id_of(segment: SplitSegment, bar: int, wallet: int) -> str:
    """The id of a state: day/start/seed/bar/wallet."""
    return f"{segment.day}/{segment.start}/{segment.seed}/{bar}/{wallet}"
