"""How decisions are executed: live, with signer, start-up and guards, or as a dry run that sends nothing."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sentinel.chain.prefetch import PrefetchingReader
from sentinel.daemon.cycles import sale, trading
from sentinel.daemon.daemon import Service
from sentinel.daemon.execution_reporter import ExecutionReporter
from sentinel.daemon.flatten.sale_cycle import SaleCycle
from sentinel.daemon.flatten.seller import Seller
from sentinel.daemon.guards.chain_watch import ChainWatch
from sentinel.daemon.guards.recheck import still_good
from sentinel.daemon.guards.shortfall_breaker import ShortfallBreaker
from sentinel.daemon.loop import CycleRunner, Probe
from sentinel.daemon.paper_wallet import PaperMarket, paper_executor
from sentinel.daemon.parts import InForce, Parts
from sentinel.daemon.reporting import OnSettled
from sentinel.daemon.signer.supervisor import SignerSupervisor
from sentinel.daemon.signer.watchdog import SignerWatchdog
from sentinel.daemon.startup import Startup
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.execute.execution_ports import ExecutionObserver
from sentinel.execute.fee_bids import FeeCaps
from sentinel.execute.send_state import SendRules
from sentinel.execute.sender import LiveExecutor
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import Log
from sentinel.signing.signer import Signer
from sentinel.signing.trade_rules import answers_of


@dataclass(frozen=True, slots=True)
class Execution:
    """The executor, and what the daemon runs because of it."""

    executor: LiveExecutor | DryRunExecutor
    runner: Callable[[InForce], CycleRunner]  # makes what runs at each head under these settings
    startup: Startup | None = None
    before: Callable[[], Awaitable[None]] | None = None  # runs once, before the first cycle
    services: Sequence[Service] = ()
    probes: Mapping[str, Probe] = field(default_factory=dict)
    on_settled: Sequence[OnSettled] = ()


async def dry_run(parts: Parts, market: PrefetchingReader, log: Log) -> Execution:
    """Raises OperatorError if a paper wallet is not possible, Unavailable."""
    if parts.settings.paper.wallet == "chain":
        parts.journal.paper.end()
        executor = DryRunExecutor(parts.journal)
        return Execution(executor, lambda force: trading(parts, force, market, executor))
    executor = await paper_executor(parts, log)
    on_paper = PaperMarket(market, parts.journal)
    return Execution(executor, lambda force: trading(parts, force, on_paper, executor))


async def live(
    parts: Parts,
    market: PrefetchingReader,
    broadcast: Broadcaster,
    signing: SignerSupervisor,
    reporter: ExecutionReporter,
    log: Log,
) -> Execution:
    """Set the signer's caps and build what trades. Raises Unavailable, SignerRefused and OperatorError."""
    parts.journal.paper.end()
    state = await parts.market.read(parts.latest.value)
    wanted = replace(parts.terms.token_caps(state.prices), prices=answers_of(state.reference, parts.network))
    await signing.bind(parts.genesis)
    caps = await signing.allow(wanted)
    executor = live_executor(parts, broadcast, signing.client, reporter)
    seller = Seller(
        parts.network,
        lambda: parts.force.value.sale_builder,
        lambda: parts.limits,
        lambda: parts.journal.spent_today(parts.clock()),
    )
    startup = Startup(parts, executor, log)

    def runner(force: InForce) -> SaleCycle:
        trade, sell = trading(parts, force, market, executor), sale(parts, force, market, executor, seller)
        return SaleCycle(trade, sell, seller, parts.journal, log, parts.lifecycle.stop)

    def check_shortfall() -> None:
        ShortfallBreaker(parts.journal, parts.limits, reporter.alarm).look()

    async def before() -> None:
        await startup.run()
        check_shortfall()

    def signer_lost(why: str) -> None:
        """Halt trading durably, because the signer could not be started again."""
        parts.journal.halt(why)
        reporter.alarm("halted", why)

    return Execution(
        executor,
        runner,
        startup,
        before,
        services=(
            SignerWatchdog(signing, caps, reporter.alarm, signer_lost),
            ChainWatch(parts, reporter.alarm, lambda: parts.heads.reconnects, InternalErrors(parts.metrics, log)),
        ),
        probes={"signer": signing.probe},
        on_settled=(lambda _: check_shortfall(), seller.settled),
    )


def live_executor(parts: Parts, broadcast: Broadcaster, signer: Signer, observer: ExecutionObserver) -> LiveExecutor:
    execution = parts.settings.execution
    return LiveExecutor(
        parts.rpc,
        broadcast,
        parts.journal,
        signer,
        parts.network,
        parts.genesis,
        parts.toolkit.finalise,
        SendRules(
            confirmations=execution.confirmations,
            bump_after_blocks=execution.bump_after_blocks,
            resend_after=execution.resend_after_seconds,
            caps=FeeCaps.of(parts.limits, parts.network),
        ),
        recheck=functools.partial(still_good, parts),
        observer=observer,
        clock=parts.clock,
    )
