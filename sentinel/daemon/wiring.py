"""The whole daemon, built bottom-up in one straight line: first what stops it, last the `Daemon`. Nothing is assigned
to a part once it is made. The only place that can sign."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, TextIO

from sentinel.agent.analyst_service import AnalystService
from sentinel.agent.episode import Sampler
from sentinel.chain.prefetch import PrefetchingReader
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.record import CycleRecord
from sentinel.daemon.assemble import NEEDED, Closes, assembled
from sentinel.daemon.counterfactual import Counterfactuals
from sentinel.daemon.daemon import Daemon
from sentinel.daemon.execution import dry_run, live
from sentinel.daemon.execution_reporter import ExecutionReporter
from sentinel.daemon.guards.recheck import decided
from sentinel.daemon.guards.single_instance import sole_writer
from sentinel.daemon.identity import identified
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.loop import Loop
from sentinel.daemon.notifications import notifications
from sentinel.daemon.operator.control import ControlServer
from sentinel.daemon.operator.operations import Operator
from sentinel.daemon.operator.reload import Load, Reloader
from sentinel.daemon.parts import Parts
from sentinel.daemon.probes import probes
from sentinel.daemon.reporting import CycleReporter, OnCycle, OnSettled
from sentinel.daemon.send_route import broadcaster
from sentinel.daemon.startup import Startup
from sentinel.observe.logs import Log
from sentinel.observe.systemd import Notifier, Pulse
from sentinel.observe.web.web_server import WebServer


@dataclass(frozen=True, slots=True)
class App:
    """`daemon.run()` once."""

    daemon: Daemon
    parts: Parts
    startup: Startup | None  # None in a dry run
    reloader: Reloader
    operator: Operator


class CycleSidecar(Protocol):
    """A service that looks at each cycle once it is done; what it is given holds nothing that signs or sends."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def cycle_done(self, record: CycleRecord) -> None: ...


MakeSidecar = Callable[[Parts, Log], CycleSidecar]


@contextlib.asynccontextmanager
async def opened(
    settings: Settings,
    *,
    cycles: int | None = None,
    trader_model: Sampler | None = None,
    prior: Closes | None = None,
    log_to: TextIO | None = None,
    shadow: MakeSidecar | None = None,
    reload: Load | None = None,
    on_cycle: OnCycle = lambda _: None,
    on_settled: OnSettled = lambda _: None,
) -> AsyncIterator[App]:
    """Everything wired and checked, nothing running but the fork; all of it closed at the end.

    `trader_model` takes the student's place, `prior` are closes from before the chain's first block, `log_to` takes
    the log in place of standard error, `shadow` makes what runs beside the cycles, `reload` loads the settings again
    (SIGHUP; without it that signal stops the daemon), `on_cycle` and `on_settled` observe.
    Raises OperatorError and Unavailable, as `assembled` does; SettingsError where live trading is not permitted or
    the signer does not start.
    """
    lifecycle = Lifecycle()
    network = load_network(settings.network)
    terms = Terms.of(settings, network)
    signs = settings.execution.mode == "live"
    needed = (*NEEDED, "signer") if signs else NEEDED
    async with (
        identified(settings, network, log_to) as who,
        sole_writer(network, who.wallet, settings.rpc.url) if signs else contextlib.nullcontext(),
        assembled(lifecycle, terms, who.wallet, trader_model=trader_model, prior=prior, needed=needed) as parts,
        contextlib.aclosing(PrefetchingReader(parts.market)) as ahead,
        broadcaster(parts, who.log) as broadcast,
    ):
        log = who.log
        if who.unwell is not None:
            parts.journal.halt(who.unwell, by="doctor")
        told_people = notifications(parts, functools.partial(decided, parts), log)
        told = ExecutionReporter(parts.metrics, log, (told_people.alarm,))
        execution = (
            await live(parts, ahead, broadcast, who.signing, told, log) if who.signing else dry_run(parts, ahead)
        )
        reloader = Reloader(parts, reload, execution.runner, log)
        operator = Operator(parts, reloader, execution.executor, log)
        counterfactuals = Counterfactuals.of(parts, log)
        analysts = [parts.analyst] if isinstance(parts.analyst, AnalystService) else []
        beside: list[CycleSidecar] = [*analysts, *([shadow(parts, log)] if shadow is not None else [])]
        services = (  # in the order of their start; they stop in reverse
            told_people,
            *execution.services,
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
            *beside,
        )
        notifier = Notifier()
        telling = CycleReporter(
            network=network,
            metrics=parts.metrics,
            health=parts.health,
            board=parts.board,
            log=log,
            notifier=notifier,
            pulse=Pulse(notifier, parts.health),
            on_cycle=(
                functools.partial(_observe_equity, parts),
                *(one.cycle_done for one in beside),
                counterfactuals.cycle_done,
                told_people.cycle_done,
                on_cycle,
            ),
            on_settled=(*execution.on_settled, counterfactuals.settled, told_people.settled, on_settled),
            decided=functools.partial(decided, parts),
        )
        loop = Loop(
            lifecycle=lifecycle,
            heads=parts.heads,
            looks=parts.heads.looked,
            latest=parts.latest,
            cycle=reloader,
            follower=execution.executor,
            telling=telling,
            probes={**probes(parts), **execution.probes},
            ahead=lambda head: ahead.begin(head) if parts.journal.standing.controls.reads else None,
            cycles=cycles,
        )
        daemon = Daemon(
            lifecycle=lifecycle,
            loop=loop,
            telling=telling,
            services=services,
            before=execution.before,
            hang_up=reloader.hang_up if reload is not None else None,
        )
        yield App(daemon, parts, execution.startup, reloader, operator)


def _observe_equity(parts: Parts, record: CycleRecord) -> None:
    """A cycle reads the market only while nothing is in flight: its state is a point where one is due."""
    if record.state is not None:
        parts.journal.equity.observe(record.state)
        if record.intent_id is None:  # else what this cycle has signed would count: the chain was read before that
            signed = parts.journal.next_nonce()
            parts.metrics.nonce_gap.set(max(0, signed - record.state.nonce) if signed else 0)
