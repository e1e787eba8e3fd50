"""Run a teacher on states of the local market; simulate every trajectory and store it with its verdict.

Every trajectory is stored. `select` drops the bad ones later and says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from sentinel.agent.sandbox import MAX_RUN_TIMEOUT, Sandbox
from sentinel.config.settings import Settings
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.distill.collecting.trajectories import numbered, row, version
from sentinel.distill.states.arena import WALLETS, Arena
from sentinel.distill.states.split import SplitSegment
from sentinel.distill.states.tasks import BARS_A_SEGMENT, CollectionRequest, Task, bars, id_of
from sentinel.distill.teaching.teacher import Teacher
from sentinel.distill.trajectory_store import TrajectoryRow, TrajectoryShards
from sentinel.market.price_path import PricePath

GIVE_UP = 8  # consecutive trajectories without a usable answer of the teacher's endpoint


@dataclass(slots=True)
class Progress:
    """How far a collection is."""

    states: int = 0  # passed, including those of earlier runs
    unanswered: int = 0  # trajectories without an answer; the next run asks again
    in_a_row: int = 0  # consecutive trajectories without an answer


Wanted = Callable[[str], list[int]]  # id of a state -> numbers of its missing trajectories
# An item of a stream, in order. A number says how many more states have passed.
Made = TrajectoryRow | ModelUnavailable | int
# Makes the trajectories. The stream is the same for every engine.
Engine = Callable[[CollectionRequest, Teacher, Wanted], AsyncGenerator[Made]]


async def here(order: CollectionRequest, teacher: Teacher, wanted: Wanted) -> AsyncGenerator[Made]:
    """The engine that plays one segment after another in this process."""
    with Sandbox(workers=2, seconds=MAX_RUN_TIMEOUT) as sandbox:
        for stretch in stretches(order, wanted):
            async with aclosing(play(stretch, order, teacher, sandbox)) as stream:
                async for item in stream:
                    yield item


async def collect(
    order: CollectionRequest,
    teacher: Teacher,
    shards: TrajectoryShards,
    *,
    engine: Engine = here,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Make all trajectories of the request that are missing in `shards`. Rows that are made stay even if this fails.

    Raises OperatorError if the teacher does not answer, or if the folder holds rows of another kind.
    """
    done = Progress()
    if shards.kinds - {(teacher.source, teacher.model, order.part.name, order.seed)}:
        raise OperatorError(f"{shards.folder} holds rows of another teacher, part or seed: name another folder")

    def wanted(case_id: str) -> list[int]:
        return [k for k in range(order.n) if numbered(case_id, k) not in shards.done]

    async with aclosing(engine(order, teacher, wanted)) as stream:
        async for item in stream:
            if isinstance(item, int):
                done.states += item
                progress(done)
            else:
                _keep(item, shards, done)
    shards.close()
    return done


@dataclass(frozen=True, slots=True)
class Stretch:
    """The work on one segment: its first bars and their missing trajectories."""

    segment: SplitSegment
    bars: int
    wanted: Mapping[str, list[int]]  # id of a state -> numbers of its missing trajectories; no other state is played


def stretches(order: CollectionRequest, wanted: Wanted) -> Iterator[Stretch]:
    """The request cut into stretches, one per segment."""
    remaining_bars = -(-order.states // len(WALLETS))  # bars
    segments = order.part.segments(BARS_A_SEGMENT, order.seed)
    while remaining_bars > 0:
        segment, bars = next(segments), min(remaining_bars, BARS_A_SEGMENT)
        ids = (id_of(segment, bar, wallet) for bar in range(bars) for wallet in range(len(WALLETS)))
        yield Stretch(segment, bars, {id: missing for id in ids if (missing := wanted(id))})
        remaining_bars -= bars


async def play(
    stretch: Stretch,
    order: CollectionRequest,
    teacher: Teacher,
    sandbox: Sandbox,
    *,
    prices: PricePath | None = None,
    settings: Settings | None = None,
) -> AsyncGenerator[Made]:
    """Play a stretch on a chain of its own; a stretch without missing trajectories needs none.

    `prices` and `settings` are those of `Arena.open`.
    """
    if not stretch.wanted:
        yield stretch.bars * len(WALLETS)
        return
    async with (
        Arena.open(order.part, stretch.segment, sandbox, prices=prices, settings=settings) as arena,
        aclosing(bars(order.part, stretch.segment, arena)) as stream,
    ):
        for _ in range(stretch.bars):
            bar = await anext(stream)
            asked = [(case, k) for case in bar for k in stretch.wanted.get(case.id, ())]
            async with aclosing(side_by_side(asked, order, teacher)) as played:
                async for made in played:
                    yield made
            yield len(bar)


async def side_by_side(
    asked: Sequence[tuple[Task, int]], order: CollectionRequest, teacher: Teacher
) -> AsyncGenerator[TrajectoryRow | ModelUnavailable]:
    """Make trajectories concurrently and yield them in the order of `asked`."""
    code = version()
    tasks = [asyncio.ensure_future(row(case, k, order, teacher, code)) for case, k in asked]
    try:
        for task in tasks:
            await asyncio.wait({task})  # so that an interrupt of ours does not cancel the task
            yield task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _keep(made: TrajectoryRow | ModelUnavailable, shards: TrajectoryShards, done: Progress) -> None:
    if isinstance(made, TrajectoryRow):
        shards.add(made)
        done.in_a_row = 0
        return
    done.unanswered += 1
    done.in_a_row += 1
    if done.in_a_row >= GIVE_UP:
        raise OperatorError(
            f"the teacher gave no usable answer {GIVE_UP} times in a row; the last error: {made}"
        ) from made
