"""The proposer that SENTINEL_PROPOSER names, wired in this one place: student, oracle, code or the URL of a server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from sentinel.agent import operator_code
from sentinel.agent.episode import Sampler
from sentinel.agent.kept_programs import KeptPrograms
from sentinel.agent.memory_interface import Memory
from sentinel.agent.model import ModelObserver, StudentModel
from sentinel.agent.operator_code import CodeTrader, Program
from sentinel.agent.order_code import OrderRunner, PreparingRunner
from sentinel.agent.order_program_trader import OrderProgramTrader
from sentinel.agent.order_trader import OrderTrader
from sentinel.agent.proposing_server import client
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.trader import ModelTrader
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.errors import SettingsError
from sentinel.daemon.parts import MakeTrader, ProposingTrader
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.journal.journal import Journal
from sentinel.orders.language.reading import render
from sentinel.orders.playing.standing import NO_ORDER, StandingOrder

UNREADABLE = Program("unreadable", 'hold("the program could not be read at the start")')


@dataclass(frozen=True, slots=True)
class Proposer:
    """`ready` says in words that it can propose, or raises Unavailable. `make_trader` raises SettingsError."""

    make_trader: MakeTrader
    ready: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every trader uses."""

    sandbox: PreparingRunner
    check: Sandbox  # reads the operator's program
    memory: Memory
    journal: Journal


@contextlib.asynccontextmanager
async def proposer(
    settings: Settings, around: Surroundings, observer: ModelObserver, injected: Sampler | None = None
) -> AsyncIterator[Proposer]:
    """The proposer of these settings, or the `injected` sampler in its place.

    Raises SettingsError.
    """
    if injected is None and settings.proposer == "code":
        yield _program(around)
    elif injected is not None or settings.proposer == "oracle":
        yield _in_process(injected, around)
    else:
        async with client(settings, observer) as model:
            yield _served(model, around)


def _program(around: Surroundings) -> Proposer:
    started = False

    def make_trader(terms: Terms, builder: ActionBuilder, order: StandingOrder | None) -> CodeTrader:
        nonlocal started
        program = _read(terms.settings, around, at_start=not started)
        started = True
        return CodeTrader(
            program=program,
            sandbox=around.sandbox,
            network=terms.desk,
            quoter=DexQuoter(terms.desk),
            builder=builder,
            memory=around.memory,
            base=terms.settings.strategy.base,
        )

    async def ready() -> str:
        return "the operator's program proposes, in this process"

    return Proposer(make_trader, ready)


def _read(settings: Settings, around: Surroundings, *, at_start: bool) -> Program:
    """The program of the settings. A start that must follow an open intent (I9) halts instead of being refused."""
    try:
        return operator_code.read(settings.strategy.file, around.check)
    except SettingsError as error:
        if not at_start or settings.execution.mode != "live" or not around.journal.open_intents():
            raise
        around.journal.halt(str(error), by="doctor")
        return UNREADABLE


def _in_process(injected: Sampler | None, around: Surroundings) -> Proposer:
    """The `injected` sampler, or the oracle, which plays the approved order."""

    def make_trader(terms: Terms, builder: ActionBuilder, order: StandingOrder | None) -> ProposingTrader:
        if injected is not None:
            return _sampling(injected, around, terms, builder, order)
        if order is None:
            raise SettingsError("the oracle plays an order, and none is approved: `sentinel order set`")
        return OrderTrader(order.play, DexQuoter(terms.desk), builder)

    async def ready() -> str:
        return f"{'oracle' if injected is None else injected.source} proposes, in this process"

    return Proposer(make_trader, ready)


def _served(model: StudentModel, around: Surroundings) -> Proposer:
    def make_trader(terms: Terms, builder: ActionBuilder, order: StandingOrder | None) -> ProposingTrader:
        return _sampling(model, around, terms, builder, order)

    async def ready() -> str:
        await model.health()
        return f"{model.name} is served"

    return Proposer(make_trader, ready)


def _sampling(
    sampler: Sampler, around: Surroundings, terms: Terms, builder: ActionBuilder, order: StandingOrder | None
) -> ModelTrader | OrderProgramTrader | OrderTrader:
    """The student trades by programs of the order. A server at a URL was taught no programs: it is shown the order."""
    model, strategy, quoter = terms.settings.model, terms.settings.strategy, DexQuoter(terms.desk)
    if order is not None and not terms.settings.proposer_url:
        return OrderProgramTrader(
            order=order,
            programs=KeptPrograms(sampler, model.resample),
            runner=OrderRunner.on(around.sandbox),
            network=terms.desk,
            quoter=quoter,
            builder=builder,
            timeout=model.episode_timeout,
        )
    if order is not None and order.hash == NO_ORDER:
        return OrderTrader(order.play, quoter, builder, sampler.source)
    return ModelTrader(
        sampler=sampler,
        sandbox=around.sandbox,
        network=terms.desk,
        quoter=quoter,
        builder=builder,
        reading="" if order is None else render(order.order),
        base=strategy.base,
        max_steps=model.max_steps,
        timeout=model.episode_timeout,
        memory=around.memory,
        venue=strategy.venue,
    )
