"""Run a teacher on local-market states: every trajectory is simulated on the fork and kept, with what became of it.

Nothing is judged here: `select` drops, and says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from sentinel.agent.sandbox import MAX_RUN_TIMEOUT, Sandbox
from sentinel.config.settings import Settings
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.distill.collecting import analyst_rows, trajectories
from sentinel.distill.collecting.trajectories import numbered, version
from sentinel.distill.states.arena import WALLETS, Arena
from sentinel.distill.states.split import SplitSegment
from sentinel.distill.states.tasks import BARS_A_SEGMENT, CollectionRequest, Task, bars, id_of
from sentinel.distill.teaching.teacher import Teacher
from sentinel.distill.trajectory_store import ANALYST, TRADER, TrajectoryRow, TrajectoryShards
from sentinel.market.price_path import PricePath

GIVE_UP = 8  # trajectories in a row that the teacher's endpoint gave no usable answer to

Make = Callable[[Task, int, CollectionRequest, Teacher, str], Awaitable[TrajectoryRow | ModelUnavailable]]
MAKERS: Mapping[str, Make] = {TRADER: trajectories.row, ANALYST: analyst_rows.row}  # by role


@dataclass(slots=True)
class Progress:
    states: int = 0  # passed, those that were done before included
    unanswered: int = 0  # trajectories; the next run asks for them again
    in_a_row: int = 0


Wanted = Callable[[str], list[int]]  # the id of a state -> which of its trajectories are still to be made
Made = TrajectoryRow | ModelUnavailable | int  # of a stream, in its order; a number: so many states more have passed
# Where trajectories are made. Whatever it is, the stream is the same.
Engine = Callable[[CollectionRequest, Teacher, Wanted], AsyncGenerator[Made]]


async def here(order: CollectionRequest, teacher: Teacher, wanted: Wanted) -> AsyncGenerator[Made]:
    """One segment after the other, in this process."""
    with Sandbox(workers=2, seconds=MAX_RUN_TIMEOUT) as sandbox:
        for stretch in stretches(order, wanted):
            async with aclosing(play(stretch, order, teacher, sandbox)) as stream:
                async for made in stream:
                    yield made


async def collect(
    order: CollectionRequest,
    teacher: Teacher,
    shards: TrajectoryShards,
    *,
    engine: Engine = here,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Until all is done, from where the folder stands; whatever ends it, what is done stays.

    Raises OperatorError where the teacher does not answer, or the folder holds something else.
    """
    done = Progress()
    if shards.kinds - {(teacher.source, teacher.model, order.part.name, order.seed, order.role)}:
        raise OperatorError(f"{shards.folder} holds rows of another teacher, part, seed or role: name another folder")

    def wanted(case_id: str) -> list[int]:
        return [k for k in range(order.n) if numbered(case_id, k) not in shards.done]

    async with aclosing(engine(order, teacher, wanted)) as stream:
        async for made in stream:
            if isinstance(made, int):
                done.states += made
                progress(done)
            else:
                _keep(made, shards, done)
    shards.close()
    return done


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is asked of one segment: its first bars, and of them the trajectories that are not there yet."""

    segment: SplitSegment
    bars: int
    wanted: Mapping[str, list[int]]  # the id of a state -> which of its trajectories; none for the others


def stretches(order: CollectionRequest, wanted: Wanted) -> Iterator[Stretch]:
    left = -(-order.states // len(WALLETS))  # bars
    segments = order.part.segments(BARS_A_SEGMENT, order.seed)
    while left > 0:
        segment, bars = next(segments), min(left, BARS_A_SEGMENT)
        ids = (id_of(segment, bar, wallet) for bar in range(bars) for wallet in range(len(WALLETS)))
        yield Stretch(segment, bars, {id: missing for id in ids if (missing := wanted(id))})
        left -= bars


async def play(
    stretch: Stretch,
    order: CollectionRequest,
    teacher: Teacher,
    sandbox: Sandbox,
    *,
    prices: PricePath | None = None,
    settings: Settings | None = None,
) -> AsyncGenerator[Made]:
    """On a chain of its own, but for a stretch of which nothing is wanted. Prices and settings: as `Arena.open`."""
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
    """In the order asked, whichever ends first."""
    code, make = version(), MAKERS[order.role]
    tasks = [asyncio.ensure_future(make(case, k, order, teacher, code)) for case, k in asked]
    try:
        for task in tasks:
            await asyncio.wait({task})  # an interrupt meant for us must not be the task's to swallow
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
        raise OperatorError(f"the teacher gave no usable answer {GIVE_UP} times in a row, at last: {made}") from made
