"""The whole daemon: what `assemble` built, an executor, and the operator's handles. The only place that can sign.

async with opened(settings) as app:
    code = await app.daemon.run()
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TextIO, TypeVar

import uvloop
from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak

from sentinel.agent.episode import Sampler
from sentinel.agent.watch import Watch
from sentinel.chain.ahead import ReadAhead
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.core.decision import Act
from sentinel.core.errors import SettingsError
from sentinel.core.network import Address, Network
from sentinel.core.record import CycleRecord
from sentinel.cycle import Cycle
from sentinel.daemon import heap
from sentinel.daemon.assemble import Closes, assembled
from sentinel.daemon.breaker import DriftBreaker
from sentinel.daemon.control import ControlServer
from sentinel.daemon.counterfactual import Counterfactuals
from sentinel.daemon.daemon import Daemon
from sentinel.daemon.doctor.live import require_green
from sentinel.daemon.flatten.selling import Selling
from sentinel.daemon.operations import Operator
from sentinel.daemon.parts import Parts
from sentinel.daemon.people import tell_people
from sentinel.daemon.permission import require_permission
from sentinel.daemon.probes import probes
from sentinel.daemon.recheck import cycle_of, still_good
from sentinel.daemon.reload import Load, Reloader
from sentinel.daemon.sending import broadcaster
from sentinel.daemon.signing import Keeper, keeper, whose
from sentinel.daemon.sole import sole_writer
from sentinel.daemon.startup import Startup, Told
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.dryrun import DryRun
from sentinel.execute.fees import FeeCaps
from sentinel.execute.send_state import Rules
from sentinel.execute.sender import Executor
from sentinel.observe import logs as telemetry
from sentinel.observe import redaction
from sentinel.observe.logs import Log
from sentinel.observe.web.server import WebServer

T = TypeVar("T")

NOBODY = to_checksum_address(keccak(b"sentinel: no wallet is named")[12:])  # what a dry run without a wallet watches


@dataclass(frozen=True, slots=True)
class App:
    """`daemon.run()` once; add observers to its `on_cycle` and `on_settled` before that."""

    daemon: Daemon
    parts: Parts
    startup: Startup | None  # None in a dry run
    reloader: Reloader


class Beside(Protocol):
    """A service that looks at each cycle once it is done; what it is given holds nothing that signs or sends."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def cycle_done(self, record: CycleRecord) -> None: ...


MakeBeside = Callable[[Parts, Log], Beside]


def serve(
    settings: Settings,
    *,
    cycles: int | None = None,
    trader_model: Sampler | None = None,
    shadow: MakeBeside | None = None,
    reload: Load | None = None,
) -> int:
    """Run in the foreground until stopped, or for so many cycles; the process's exit code."""

    async def main() -> int:
        async with opened(settings, cycles=cycles, trader_model=trader_model, shadow=shadow, reload=reload) as app:
            heap.settle()
            telemetry.tell_uncaught()
            return await app.daemon.run()

    return run(main())


def run(main: Coroutine[Any, Any, T]) -> T:
    """Under uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


@contextlib.asynccontextmanager
async def opened(
    settings: Settings,
    *,
    cycles: int | None = None,
    trader_model: Sampler | None = None,
    prior: Closes | None = None,
    log_to: TextIO | None = None,
    shadow: MakeBeside | None = None,
    reload: Load | None = None,
) -> AsyncIterator[App]:
    """Everything wired and checked, nothing running but the fork; all of it closed at the end.

    `trader_model` takes the student's place, `prior` are closes from before the chain's first block, `log_to` takes
    the log in place of standard error, `shadow` makes what runs beside the cycles, `reload` loads the settings again
    (SIGHUP; without it that signal stops the daemon).
    Raises OperatorError and Unavailable, as `assembled` does; SettingsError where live trading is not permitted or
    the signer does not start.
    """
    network = load_network(settings.network)
    live = settings.execution.mode == "live"
    async with (
        _identified(settings, network, log_to) as (address, signing, log, unwell),
        sole_writer(network, address, settings.rpc.url) if live else contextlib.nullcontext(),
        assembled(settings, network, address, trader_model=trader_model, prior=prior) as parts,
        contextlib.aclosing(ReadAhead(parts.market)) as ahead,
        broadcaster(parts, log) as broadcast,
    ):
        if unwell is not None:
            parts.journal.latch(unwell, by="doctor")
        told = Told(parts.metrics, log)
        executor = await _executor(parts, broadcast, told, signing)
        cycle = Reloader(parts, reload, functools.partial(_cycle, parts, ahead, executor), log)
        daemon = Daemon(
            network=network,
            heads=parts.heads,
            latest=parts.latest,
            cycle=cycle,
            follower=executor,
            metrics=parts.metrics,
            health=parts.health,
            board=parts.board,
            log=log,
            probes=probes(parts),
            decided=lambda intent_id: _decided(parts, intent_id),
            ahead=lambda head: ahead.begin(head) if parts.journal.standing.orders.reads else None,
            cycles=cycles,
            hang_up=cycle.hang_up if reload is not None else None,
        )
        daemon.on_cycle.append(lambda record: _observe_equity(parts, record))
        operator = Operator(parts, daemon, cycle)
        counterfactuals = Counterfactuals.of(parts, log)
        daemon.services = (
            counterfactuals,
            ControlServer(settings.state_dir.expanduser(), operator),
            WebServer(
                settings.web.host,
                settings.web.port,
                board=parts.board,
                metrics=parts.metrics,
                health=parts.health,
                status=operator.status,
                refresh=operator.refresh,
            ),
        )
        if isinstance(parts.analyst, Watch):
            daemon.services = (*daemon.services, parts.analyst)
            daemon.on_cycle.append(parts.analyst.cycle_done)
        if shadow is not None:
            beside = shadow(parts, log)
            daemon.services = (*daemon.services, beside)
            daemon.on_cycle.append(beside.cycle_done)
        startup = None
        if signing is not None and isinstance(executor, Executor):
            _watched(signing, daemon, parts, told)
            startup = Startup(parts, executor, log)

            def look() -> None:
                DriftBreaker.of(parts.settings, parts.journal, told.alarm).look()

            daemon.before = _in_turn(startup.run, look)
            daemon.on_settled += [lambda _: look(), counterfactuals.settled]
            daemon.on_cycle.append(counterfactuals.cycle_done)
            daemon.cycle = selling = Selling.of(parts, ahead, executor, cycle, log, daemon.stop)
            daemon.on_settled.append(selling.settled)
        tell_people(parts, daemon, told, log)
        yield App(daemon, parts, startup, cycle)


def _cycle(parts: Parts, market: ReadAhead, executor: Executor | DryRun) -> Cycle:
    """Over what is in force now."""
    now = parts.force.now
    return Cycle(
        market=market,
        analyst=now.analyst,
        trader=now.trader,
        toolkit=parts.toolkit,
        policy=now.policy,
        vote=now.vote,
        executor=executor,
        journal=parts.journal,
        samples=lambda: now.settings.model.n,
        newest=lambda: parts.latest.value,
        more=now.more,
        size=now.size,
        warm=parts.toolkit.warm,
        disputed=lambda: parts.rpc.disputed,
        stopping=lambda: parts.health.stopping,
    )


def _in_turn(first: Callable[[], Awaitable[None]], then: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def both() -> None:
        await first()
        then()

    return both


@contextlib.asynccontextmanager
async def _identified(
    settings: Settings, network: Network, log_to: TextIO | None
) -> AsyncIterator[tuple[Address, Keeper | None, Log, str | None]]:
    """Whose wallet it is, who signs for it (None in a dry run), the log, and why it may only follow what is unfinished
    (None: it may trade). Raises SettingsError."""
    redaction.remember_addresses(settings)  # ahead of the first line that could show one
    given, live = settings.wallet.address, settings.execution.mode == "live"
    if given and not is_address(given):
        raise SettingsError(f"SENTINEL_WALLET__ADDRESS: {given} is not an address")
    if live:
        require_permission(settings, network)
    async with keeper(settings, network) if live else contextlib.nullcontext() as signing:
        found = await whose(settings, network) if signing is None else signing.client.address
        address = found or (to_checksum_address(given) if given else NOBODY)
        if given and to_checksum_address(given) != address:
            raise SettingsError(f"SENTINEL_WALLET__ADDRESS is {given}, but the key's address is {found}")
        log = telemetry.configure(settings.log.level, settings.log.format, log_to, network=network.name, wallet=address)
        if address == NOBODY:
            log.warning("wallet.none", meaning="a dry run over an empty wallet; name one: SENTINEL_WALLET__ADDRESS")
        unwell = await require_green(settings, network) if live else None
        yield address, signing, log, unwell


def _watched(signing: Keeper, daemon: Daemon, parts: Parts, told: Told) -> None:
    """A signer that is gone is told of at once, and where it stays gone trading is paused, durably."""

    def lost(why: str) -> None:
        parts.journal.latch(why)
        signing.alarm("latched", why)

    signing.alarm, signing.lost = told.alarm, lost
    daemon.services = (signing, *daemon.services)
    daemon.probes = {**daemon.probes, "signer": signing.probe}
    parts.health.require("signer")


async def _executor(parts: Parts, broadcast: Broadcaster, told: Told, signing: Keeper | None) -> Executor | DryRun:
    settings = parts.settings
    if signing is None:
        return DryRun(parts.journal)
    prices = (await parts.market.read(parts.latest.value)).prices
    await signing.allow(settings, parts.network, prices)
    return Executor(
        parts.rpc,
        broadcast,
        parts.journal,
        signing.client,
        parts.network,
        parts.genesis,
        parts.toolkit.finalise,
        Rules(
            confirmations=settings.execution.confirmations,
            bump_after_blocks=settings.execution.bump_after_blocks,
            resend_after=settings.execution.resend_after,
            caps=FeeCaps.of(parts.limits, parts.network),
        ),
        recheck=lambda intent: still_good(parts, intent),
        observer=told,
    )


def _observe_equity(parts: Parts, record: CycleRecord) -> None:
    """A cycle reads the market only while nothing is in flight: its state is a point where one is due."""
    if record.state is not None:
        parts.journal.equity.observe(record.state)
        if record.intent_id is None:  # else what this cycle has signed would count: the chain was read before that
            signed = parts.journal.next_nonce()
            parts.metrics.nonce_gap.set(max(0, signed - record.state.nonce) if signed else 0)


def _decided(parts: Parts, intent_id: str) -> Act | None:
    record = cycle_of(parts, intent_id)
    return record.decision if record is not None and isinstance(record.decision, Act) else None
