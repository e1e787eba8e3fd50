"""Run a teacher on local-market states: every trajectory is simulated on the fork and kept, with what became of it.

Nothing is judged here: `select` drops, and says why.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from random import Random

from sentinel import __version__
from sentinel.agent import prompt
from sentinel.agent.form import THOUGHT, closed
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.serving import CHECKOUT
from sentinel.distill.arena import WALLETS, Arena, Verdict
from sentinel.distill.rows import Row, Shards
from sentinel.distill.scenario import Scenario
from sentinel.distill.split import Part, Segment
from sentinel.distill.teacher import Teacher
from sentinel.distill.value import ENOUGH, best, captured, value
from sentinel.errors import ModelUnavailable, OperatorError
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
    arena: Arena


async def cases(part: Part, seed: int) -> AsyncGenerator[Case]:
    """Endless; the same for the same part and seed, up to block times."""
    async with aclosing(bars(part, seed)) as stream:
        async for bar in stream:
            for case in bar:
                yield case


async def bars(
    part: Part, seed: int, skip: Callable[[list[str]], bool] = lambda _: False
) -> AsyncGenerator[tuple[Case, ...]]:
    """The cases of one bar at a time. `skip` is asked about each segment's ids: one that it skips has no chain, and
    its bars are empty."""
    with Sandbox(workers=2) as sandbox:
        for segment in part.segments(BARS_A_SEGMENT, seed):
            places = [[_id(segment, bar, wallet) for wallet in range(len(WALLETS))] for bar in range(BARS_A_SEGMENT)]
            if skip([id for bar in places for id in bar]):
                for _ in places:
                    yield ()
                continue
            draw = Random(f"{part.name}/{segment}")
            async with Arena.open(part, segment, sandbox) as arena:
                for ids in places:
                    states = await arena.advance(draw)
                    yield tuple(
                        Case(id, state, arena.scenario(draw, state), arena)
                        for id, state in zip(ids, states, strict=True)
                    )


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be collected."""

    part: Part
    states: int  # the first so many of the stream; whole bars, so up to three more
    n: int = 1  # trajectories a state
    seed: int = 0
    role: str = "trader"  # or "analyst"


@dataclass(slots=True)
class Progress:
    states: int = 0  # passed, those that were done before included
    unanswered: int = 0  # trajectories; the next run asks for them again
    in_a_row: int = 0


async def collect(
    order: Order,
    teacher: Teacher,
    shards: Shards,
    *,
    make: Make | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Until all is done, from where the folder stands; whatever ends it, what is done stays. `make`: a trajectory of
    the order's role; the trader's where none is given.

    Raises OperatorError where the teacher does not answer, or the folder holds something else.
    """
    done, code, one = Progress(), version(), make or _one
    if shards.kinds - {(teacher.source, teacher.model, order.part.name, order.seed, order.role)}:
        raise OperatorError(f"{shards.folder} holds rows of another teacher, part, seed or role: name another folder")

    def missing(case_id: str) -> list[int]:
        return [k for k in range(order.n) if _numbered(case_id, k) not in shards.done]

    async with aclosing(bars(order.part, order.seed, lambda ids: not any(map(missing, ids)))) as stream:
        async for bar in stream:
            wanted = [(case, k) for case in bar for k in missing(case.id)]
            tasks = [asyncio.ensure_future(one(case, k, order, teacher, code)) for case, k in wanted]
            try:
                for task in tasks:  # in the order of the stream, whichever ends first
                    _keep(await task, shards, done)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            done.states += len(WALLETS)
            progress(done)
            if done.states >= order.states:
                break
    shards.close()
    return done


Make = Callable[[Case, int, Order, Teacher, str], Awaitable[Row | ModelUnavailable]]


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


def version() -> str:
    """Of the code: the package's, and the commit where it is a checkout."""
    done = subprocess.run(
        ["git", "-C", str(CHECKOUT), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    return f"{__version__}+{done.stdout.strip()}" if done.returncode == 0 else __version__


def _id(segment: Segment, bar: int, wallet: int) -> str:
    return f"{segment.day}/{segment.start}/{segment.seed}/{bar}/{wallet}"


def _numbered(case_id: str, k: int) -> str:
    return f"{case_id}#{k}"
