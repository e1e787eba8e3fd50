"""Run a teacher on local-market states: every trajectory is simulated on the fork and kept, with what became of it.

Nothing is judged here: `select` drops, and says why.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncGenerator, Callable, Container, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from functools import cache
from random import Random
from typing import Protocol

from sentinel import __version__
from sentinel.agent import prompt
from sentinel.agent.form import THOUGHT, closed
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.serving import CHECKOUT
from sentinel.devnet.market import Clock
from sentinel.devnet.prices import PricePath
from sentinel.distill.arena import BARS, WALLETS, Arena
from sentinel.distill.desk import Desk, Verdict
from sentinel.distill.rows import Row, Shards
from sentinel.distill.scenario import Scenario
from sentinel.distill.split import Part, Segment
from sentinel.distill.teacher import Teacher
from sentinel.distill.value import ENOUGH, best, captured, value
from sentinel.errors import ModelUnavailable, OperatorError
from sentinel.settings import Settings
from sentinel.types import Action, Hold, HoldAction, MarketState, Simulation, Trajectory, Turn

BARS_A_SEGMENT = 40
TOO_LITTLE = "worth too little"
GIVE_UP = 8  # trajectories in a row that the teacher's endpoint gave no usable answer to


@dataclass(frozen=True, slots=True)
class Case:
    """One state with what is asked of the trader in it."""

    id: str  # day/start/seed/bar/wallet
    state: MarketState
    scenario: Scenario
    arena: Desk


async def cases(part: Part, seed: int) -> AsyncGenerator[Case]:
    """Endless; the same for the same part and seed, up to block times."""
    async with aclosing(segments(part, seed)) as stream:
        async for _, bar in stream:
            for case in bar:
                yield case


async def segments(
    part: Part,
    seed: int,
    *,
    wanted: Container[str] | None = None,
    lookback: int = BARS,
    keep: bool = False,
    clock: Clock = time.time,
) -> AsyncGenerator[tuple[Arena, tuple[Case, ...]]]:
    """Bar by bar through the part's segments, each on a chain of its own; through those alone that hold a `wanted` id,
    where some are named. Otherwise as `bars` and `Arena.open`."""
    with Sandbox(workers=2) as sandbox:
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
    part: Part, segment: Segment, arena: Arena, *, lookback: int = BARS, keep: bool = False
) -> AsyncGenerator[tuple[Case, ...]]:
    """The cases of one bar at a time, all of the segment; no mandate looks back further than `lookback` bars. `keep`:
    balances are dealt at the first bar alone, and after that they are what the wallets' own transactions made of
    them."""
    draw = Random(f"{part.name}/{segment}")
    for bar in range(BARS_A_SEGMENT):
        states = await arena.advance(draw, deal=bar == 0 or not keep)
        yield tuple(
            Case(id_of(segment, bar, wallet), state, arena.scenario(draw, state, lookback), arena)
            for wallet, state in enumerate(states)
        )


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be collected."""

    part: Part
    states: int  # the first so many of the stream; whole bars, so up to three more
    n: int = 1  # trajectories a state
    seed: int = 0


@dataclass(slots=True)
class Progress:
    states: int = 0  # passed, those that were done before included
    unanswered: int = 0  # trajectories; the next run asks for them again
    in_a_row: int = 0


Wanted = Callable[[str], list[int]]  # the id of a state -> which of its trajectories are still to be made
Made = Row | ModelUnavailable | int  # of a stream, in its order; a number: so many states more have passed


class Engine(Protocol):
    """Where trajectories are made. Whatever it is, the stream is the same."""

    def __call__(self, order: Order, teacher: Teacher, wanted: Wanted) -> AsyncGenerator[Made]: ...


async def here(order: Order, teacher: Teacher, wanted: Wanted) -> AsyncGenerator[Made]:
    """One segment after the other, in this process."""
    with Sandbox(workers=2) as sandbox:
        for stretch in stretches(order, wanted):
            async with aclosing(play(stretch, order, teacher, sandbox)) as stream:
                async for made in stream:
                    yield made


async def collect(
    order: Order,
    teacher: Teacher,
    shards: Shards,
    *,
    engine: Engine = here,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Until all is done, from where the folder stands; whatever ends it, what is done stays.

    Raises OperatorError where the teacher does not answer, or the folder holds something else.
    """
    done = Progress()
    if shards.kinds - {(teacher.source, teacher.model, order.part.name, order.seed)}:
        raise OperatorError(f"{shards.folder} holds rows of another teacher, part or seed: name a folder of its own")

    def wanted(case_id: str) -> list[int]:
        return [k for k in range(order.n) if _numbered(case_id, k) not in shards.done]

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

    segment: Segment
    bars: int
    wanted: Mapping[str, list[int]]  # the id of a state -> which of its trajectories; none for the others


def stretches(order: Order, wanted: Wanted) -> Iterator[Stretch]:
    left = -(-order.states // len(WALLETS))  # bars
    segments = order.part.segments(BARS_A_SEGMENT, order.seed)
    while left > 0:
        segment, bars = next(segments), min(left, BARS_A_SEGMENT)
        ids = (id_of(segment, bar, wallet) for bar in range(bars) for wallet in range(len(WALLETS)))
        yield Stretch(segment, bars, {id: missing for id in ids if (missing := wanted(id))})
        left -= bars


async def play(
    stretch: Stretch,
    order: Order,
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
    asked: Sequence[tuple[Case, int]], order: Order, teacher: Teacher
) -> AsyncGenerator[Row | ModelUnavailable]:
    """In the order asked, whichever ends first."""
    code = version()
    tasks = [asyncio.create_task(_one(case, k, order, teacher, code)) for case, k in asked]
    try:
        for task in tasks:
            await asyncio.wait({task})  # an interrupt meant for us must not be the task's to swallow
            yield task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _keep(made: Row | ModelUnavailable, shards: Shards, done: Progress) -> None:
    if isinstance(made, Row):
        shards.add(made)
        done.in_a_row = 0
        return
    done.unanswered += 1
    done.in_a_row += 1
    if done.in_a_row >= GIVE_UP:
        raise OperatorError(f"the teacher gave no usable answer {GIVE_UP} times in a row, at last: {made}") from made


async def _one(case: Case, k: int, order: Order, teacher: Teacher, code: str) -> Row | ModelUnavailable:
    mandate, view = case.scenario.mandate, case.scenario.view
    try:
        start = await teacher.start(mandate, prompt.messages(view, mandate, case.arena.network.quote), k)
        trader = case.arena.trader(start.sampler, case.scenario)
        trader = replace(trader, first_thought=start.first_thought, timeout=teacher.timeout)
        verdict = await case.arena.judge(case.state, await trader.propose(case.state, view, 1))
    except ModelUnavailable as error:
        return error
    acts = any(not isinstance(one.candidate.action, HoldAction) for one in verdict.simulations)
    made = to_trajectory(case, verdict, teacher, k)
    return Row(made, fault(verdict), acts, start.prefix, order.part.name, order.seed, k, code)


def fault(verdict: Verdict) -> str | None:
    """None where the final action ran, was simulated without a revert and passed every hard limit."""
    if verdict.proposal.discarded:
        return verdict.proposal.discarded[0].reason
    if verdict.refusals:
        return f"refused by {verdict.refusals[0].rule}"
    if isinstance(verdict.decision, Hold) and not isinstance(verdict.simulations[0].candidate.action, HoldAction):
        return verdict.decision.reason
    return None


def drop_reason(case: Case, verdict: Verdict) -> str | None:
    """None for an action without a fault that is worth at least ENOUGH of what can be had by exact quotes."""
    if (why := fault(verdict)) is not None:
        return why
    return None if score(case, verdict.simulations[0]) >= ENOUGH else TOO_LITTLE


def score(case: Case, simulation: Simulation) -> float:
    """The share of the value to be had in the case that the action captures."""
    box, mandate = case.arena.tools(case.state, case.scenario), case.scenario.mandate
    return captured(value(mandate, box, simulation), best(mandate, box))


def to_trajectory(case: Case, verdict: Verdict, teacher: Teacher, k: int) -> Trajectory:
    proposal = verdict.proposal
    turns = [Turn(m["role"], m["content"]) for m in proposal.prompt]  # type: ignore[arg-type]
    turns.append(Turn("assistant", closed(proposal.samples[-1].text)))
    first = next(turn.text for turn in turns if turn.role == "assistant")
    simulated = verdict.simulations[0] if verdict.simulations else None
    return Trajectory(
        id=_numbered(case.id, k),
        playbook=case.scenario.mandate.playbook,
        turns=tuple(turns),
        first_thought=first.partition("\n")[0].removeprefix(THOUGHT),
        action="" if simulated is None else _described(simulated.candidate.action),
        score=0.0 if simulated is None else score(case, simulated),
        source=teacher.source,
        state_id=case.id,
        model=teacher.model,
    )


def _described(action: Action) -> str:
    """Without its deadline: that follows the wall clock, and the same work gives the same rows."""
    body = {name: value for name, value in asdict(action).items() if name not in ("deadline", "expiry")}
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


@cache
def version() -> str:
    """Of the code: the package's, and the commit where it is a checkout."""
    done = subprocess.run(
        ["git", "-C", str(CHECKOUT), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    return f"{__version__}+{done.stdout.strip()}" if done.returncode == 0 else __version__


def id_of(segment: Segment, bar: int, wallet: int) -> str:
    """Of a state: day/start/seed/bar/wallet."""
    return f"{segment.day}/{segment.start}/{segment.seed}/{bar}/{wallet}"


def _numbered(case_id: str, k: int) -> str:
    return f"{case_id}#{k}"
