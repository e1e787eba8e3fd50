"""States of the local market with what is asked in each: an endless stream, the same each time."""

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
from sentinel.distill.trajectory_store import TRADER
from sentinel.market.local_market import Clock

BARS_A_SEGMENT = 40


@dataclass(frozen=True, slots=True)
class CollectionRequest:
    """What is to be collected."""

    part: SplitPart
    states: int  # the first so many of the stream; whole bars, so up to three more
    n: int = 1  # trajectories a state
    seed: int = 0
    role: str = TRADER  # or ANALYST


@dataclass(frozen=True, slots=True)
class Task:
    """One state with what is asked of the trader in it."""

    id: str  # day/start/seed/bar/wallet
    state: MarketState
    scenario: Scenario
    arena: DecisionDesk


async def tasks(part: SplitPart, seed: int) -> AsyncGenerator[Task]:
    """Endless; the same for the same part and seed, up to block times."""
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
    """Bar by bar through the part's segments, each on a chain of its own; through those alone that hold a `wanted` id,
    where some are named. Otherwise as `bars` and `Arena.open`."""
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
    """The cases of one bar at a time, all of the segment; no mandate looks back further than `lookback` bars. `keep`:
    balances are dealt at the first bar alone, and after that they are what the wallets' own transactions made of
    them."""
    draw = Random(f"{part.name}/{segment.seed_text}")
    for bar in range(BARS_A_SEGMENT):
        states = await arena.advance(draw, deal=bar == 0 or not keep)
        yield tuple(
            Task(id_of(segment, bar, wallet), state, arena.scenario(draw, state, lookback), arena)
            for wallet, state in enumerate(states)
        )


def id_of(segment: SplitSegment, bar: int, wallet: int) -> str:
    """Of a state: day/start/seed/bar/wallet."""
    return f"{segment.day}/{segment.start}/{segment.seed}/{bar}/{wallet}"
