"""What carries a decision out: an executor with its signer, start-up and guards, or a dry run that sends nothing."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
from sentinel.daemon.parts import InForce, Parts
from sentinel.daemon.reporting import OnSettled
from sentinel.daemon.signer.supervisor import SignerSupervisor
from sentinel.daemon.signer.watchdog import SignerWatchdog
from sentinel.daemon.startup import Startup
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.execute.fee_bids import FeeCaps
from sentinel.execute.send_state import SendRules
from sentinel.execute.sender import LiveExecutor
from sentinel.observe.logs import Log


@dataclass(frozen=True, slots=True)
class Execution:
    executor: LiveExecutor | DryRunExecutor
    runner: Callable[[InForce], CycleRunner]  # what runs at each head by these settings
    startup: Startup | None = None
    before: Callable[[], Awaitable[None]] | None = None  # ahead of the first cycle
    services: Sequence[Service] = ()
    probes: Mapping[str, Probe] = field(default_factory=dict)
    on_settled: Sequence[OnSettled] = ()


def dry_run(parts: Parts, market: PrefetchingReader) -> Execution:
    executor = DryRunExecutor(parts.journal)
    return Execution(executor, lambda force: trading(parts, force, market, executor))


async def live(
    parts: Parts,
    market: PrefetchingReader,
    broadcast: Broadcaster,
    signing: SignerSupervisor,
    told: ExecutionReporter,
    log: Log,
) -> Execution:
    """Raises Unavailable, SignerRefused, OperatorError."""
    prices = (await parts.market.read(parts.latest.value)).prices
    await signing.bind(parts.genesis)
    caps = await signing.allow(parts.terms.token_caps(prices))
    executor = _executor(parts, broadcast, signing, told)
    seller = Seller(
        parts.network,
        lambda: parts.force.value.sale_builder,
        lambda: parts.limits,
        lambda: parts.journal.spent_today(time.time()),
    )
    startup = Startup(parts, executor, log)

    def runner(force: InForce) -> SaleCycle:
        trade, sell = trading(parts, force, market, executor), sale(parts, force, market, executor, seller)
        return SaleCycle(trade, sell, seller, parts.journal, log, parts.lifecycle.stop)

    def look() -> None:
        ShortfallBreaker(parts.journal, parts.limits, told.alarm).look()

    async def before() -> None:
        await startup.run()
        look()

    def lost(why: str) -> None:
        """A signer that stays gone: trading is paused, durably."""
        parts.journal.halt(why)
        told.alarm("halted", why)

    return Execution(
        executor,
        runner,
        startup,
        before,
        services=(
            SignerWatchdog(signing, caps, told.alarm, lost),
            ChainWatch(parts, told.alarm, lambda: parts.heads.reconnects),
        ),
        probes={"signer": signing.probe},
        on_settled=(lambda _: look(), seller.settled),
    )


def _executor(parts: Parts, broadcast: Broadcaster, signing: SignerSupervisor, told: ExecutionReporter) -> LiveExecutor:
    given = parts.settings.execution
    return LiveExecutor(
        parts.rpc,
        broadcast,
        parts.journal,
        signing.client,
        parts.network,
        parts.genesis,
        parts.toolkit.finalise,
        SendRules(
            confirmations=given.confirmations,
            bump_after_blocks=given.bump_after_blocks,
            resend_after=given.resend_after_seconds,
            caps=FeeCaps.of(parts.limits, parts.network),
        ),
        recheck=functools.partial(still_good, parts),
        observer=told,
    )
