"""Builds the whole daemon bottom-up in one straight line, from its `Lifecycle` to the `Daemon`.

No part is changed after it is made. This is the only place that connects the daemon to a signer.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, TextIO

from sentinel.agent.episode import Sampler
from sentinel.chain.prefetch import PrefetchingReader
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.record import CycleRecord
from sentinel.daemon.assemble import NEEDED, Closes, assembled
from sentinel.daemon.close_filler import CloseFiller
from sentinel.daemon.counterfactual import Counterfactuals
from sentinel.daemon.daemon import Daemon
from sentinel.daemon.execution import dry_run, live
from sentinel.daemon.execution_reporter import ExecutionReporter
from sentinel.daemon.files import make_state_dir
from sentinel.daemon.guards.balance_watch import BalanceWatch
from sentinel.daemon.guards.contract_alarm import ContractAlarm
from sentinel.daemon.guards.journal_watch import JournalWatch
from sentinel.daemon.guards.network_watch import NetworkWatch
from sentinel.daemon.guards.recheck import decided, judged
from sentinel.daemon.guards.single_instance import sole_writer
from sentinel.daemon.identity import identified
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.loop import Loop
from sentinel.daemon.notifications import notifications
from sentinel.daemon.operator.control import ControlServer
from sentinel.daemon.operator.operations import Operator
from sentinel.daemon.operator.reload import Load, Reloader
from sentinel.daemon.order_completion import OrderCompletion
from sentinel.daemon.page.controls import web_controls
from sentinel.daemon.page.journal_pages import journal_pages
from sentinel.daemon.parts import Parts
from sentinel.daemon.probes import probes
from sentinel.daemon.reporting import CycleReporter, OnCycle, OnSettled
from sentinel.daemon.send_route import broadcaster
from sentinel.daemon.startup import Startup
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import Log
from sentinel.observe.systemd import Notifier, Pulse
from sentinel.observe.web.web_server import WebServer


@dataclass(frozen=True, slots=True)
class App:
    """The wired daemon. Call `daemon.run` once."""

    daemon: Daemon
    parts: Parts
    startup: Startup | None  # None in a dry run
    reloader: Reloader
    operator: Operator


class CycleSidecar(Protocol):
    """A service that observes each finished cycle. It receives nothing that can sign or send."""

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
    """Wire and check everything; of the daemon's parts only the signer and the fork run yet. All are closed at the end.

    `trader_model` replaces the proposer of the settings. `prior` are closes from before the chain's first block.
    `log_to` receives the log instead of standard error. `shadow` makes a sidecar. `reload` loads the settings again on
    SIGHUP; without it, SIGHUP stops the daemon. `on_cycle` and `on_settled` are observers.

    Raises OperatorError and Unavailable, as `assembled` does, and SettingsError if live trading is not permitted or the
    signer does not start.
    """
    lifecycle = Lifecycle()
    network = load_network(settings.network)
    terms = Terms.of(settings, network)
    make_state_dir(settings)
    live_mode = settings.execution.mode == "live"
    needed = (*NEEDED, "signer") if live_mode else NEEDED
    async with (
        identified(settings, network, log_to) as identity,
        sole_writer(network, identity.wallet, settings.rpc.url) if live_mode else contextlib.nullcontext(),
        assembled(lifecycle, terms, identity.wallet, trader_model=trader_model, prior=prior, needed=needed) as parts,
        contextlib.aclosing(PrefetchingReader(parts.market)) as prefetching,
        broadcaster(parts, identity.log) as broadcast,
    ):
        log = identity.log
        if identity.unwell is not None:
            parts.journal.halt(identity.unwell, by="doctor")
        messages = notifications(parts, functools.partial(decided, parts), log, functools.partial(judged, parts))
        execution_reporter = ExecutionReporter(parts.metrics, log, (messages.alarm,))
        execution = (
            await live(parts, prefetching, broadcast, identity.signing, execution_reporter, log)
            if identity.signing
            else await dry_run(parts, prefetching, log)
        )
        errors = InternalErrors(parts.metrics, log)
        reloader = Reloader(parts, reload, execution.runner, log, errors)
        balances = BalanceWatch.open(parts.journal, network, lambda: parts.limits, execution_reporter.alarm)
        operator = Operator(parts, reloader, execution.executor, log)
        counterfactuals = Counterfactuals.of(parts, log)
        close_filler = CloseFiller.of(parts, log)
        sidecars = [shadow(parts, log)] if shadow is not None else []
        services = (  # in the order of their start; they stop in reverse
            messages,
            *execution.services,
            counterfactuals,
            close_filler,
            JournalWatch.of(parts, execution_reporter.alarm, log, errors),
            NetworkWatch(parts.rpc, network, parts.toolkit.watch, execution_reporter.alarm, errors),
            ControlServer(settings.state_dir.expanduser(), operator, errors),
            WebServer(
                settings.web.host,
                settings.web.port,
                board=parts.board,
                metrics=parts.metrics,
                health=parts.health,
                status=operator.status,
                pages=journal_pages(parts),
                errors=errors,
                refresh=operator.refresh,
                controls=web_controls(operator, errors, log),
            ),
            *sidecars,
        )
        notifier = Notifier()
        cycle_reporter = CycleReporter(
            network=network,
            metrics=parts.metrics,
            health=parts.health,
            board=parts.board,
            log=log,
            notifier=notifier,
            pulse=Pulse(notifier, parts.health),
            on_cycle=(
                functools.partial(_observe_equity, parts),
                functools.partial(_keep_highs, parts),
                *(() if parts.journal.paper.on else (balances.cycle_done,)),  # no balance of the chain was read
                ContractAlarm(parts.toolkit.watch, execution_reporter.alarm).cycle_done,
                *(sidecar.cycle_done for sidecar in sidecars),
                counterfactuals.cycle_done,
                close_filler.cycle_done,
                messages.cycle_done,
                OrderCompletion(parts.journal, log, messages.order_completed, live_mode).cycle_done,
                on_cycle,
            ),
            on_settled=(
                *execution.on_settled,
                balances.settled,
                counterfactuals.settled,
                messages.settled,
                on_settled,
            ),
            decided=functools.partial(decided, parts),
        )
        loop = Loop(
            lifecycle=lifecycle,
            heads=parts.heads,
            looks=parts.heads.looked,
            latest=parts.latest,
            cycle=reloader,
            follower=execution.executor,
            telling=cycle_reporter,
            errors=errors,
            probes={**probes(parts), **execution.probes},
            ahead=lambda head: prefetching.begin(head) if parts.journal.standing.controls.reads else None,
            cycles=cycles,
        )
        daemon = Daemon(
            lifecycle=lifecycle,
            loop=loop,
            telling=cycle_reporter,
            services=services,
            before=execution.before,
            hang_up=reloader.hang_up if reload is not None else None,
        )
        yield App(daemon, parts, execution.startup, reloader, operator)


def _observe_equity(parts: Parts, record: CycleRecord) -> None:
    """Record equity at the market state of a cycle. A cycle reads the market only while no intent is open."""
    if record.state is not None:
        (parts.journal.paper if parts.journal.paper.on else parts.journal).equity.observe(record.state)
        if record.intent_id is None:  # the chain was read before this cycle signed: its own nonce is no gap
            signed = parts.journal.next_nonce()
            parts.metrics.nonce_gap.set(max(0, signed - record.state.nonce) if signed else 0)


def _keep_highs(parts: Parts, record: CycleRecord) -> None:
    """Keep the highs of positions beyond the week for which closes are kept."""
    if record.state is not None:
        parts.journal.positions.keep_highs(record.state.closes, record.state.head.timestamp)
