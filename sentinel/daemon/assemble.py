"""Builds the parts of the daemon from its terms, in one straight line.

The executor is not built here, so nothing in this file can reach the signer.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sentinel import __version__
from sentinel.agent.episode import Sampler
from sentinel.agent.memory import JournalMemory
from sentinel.agent.sandbox import CodeRun, Sandbox, Tools
from sentinel.chain import chain_identity
from sentinel.chain.close_backfill import drop_orphans
from sentinel.chain.close_file import CloseFile
from sentinel.chain.close_history import CloseHistory, spaced
from sentinel.chain.head_watch import HeadTimes
from sentinel.chain.heads import HeadStream, latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.history_backfill import backfill_history
from sentinel.chain.market_prices import published_prices
from sentinel.chain.market_reader import MarketReader
from sentinel.config.contradictions import require_consistent
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.market_state import Head
from sentinel.core.network import Address, Symbol
from sentinel.daemon.approved_order import approved_order, order_at_start
from sentinel.daemon.connections import endpoints, simulating_fork, simulating_node
from sentinel.daemon.files import CLOSES, JOURNAL, MEMORY
from sentinel.daemon.in_force import in_force
from sentinel.daemon.latest import Latest
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.parts import InForce, Parts
from sentinel.daemon.proposer import Surroundings, proposer
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.simulating.contract_watch import ContractWatch
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import READERS
from sentinel.journal.journal import Journal
from sentinel.observe.health import Health
from sentinel.observe.metrics import Metrics
from sentinel.observe.status_board import Board
from sentinel.orders.playing.standing import StandingOrder

MIN_BARS = 60  # of price history, even if the setting asks for less
NEEDED = ("endpoints", "model", "fork", "funds")  # parts that must be healthy for the daemon to be ready


class Rehearsal(NamedTuple):
    """What a backtest runs the parts with, so that they are fast and do the same each time.

    The journal is then not made durable: it is thrown away with its folder.
    """

    clock: Callable[[], float]  # chain time, Unix seconds
    salt: bytes  # draws the simulated blocks, which nobody can know outside a backtest
    socket: Path | None  # the unix socket of the endpoint's node; None: it has none


Closes = Mapping[Symbol, Sequence[float]]  # quote tokens per whole token, oldest first


@contextlib.asynccontextmanager
async def assembled(
    lifecycle: Lifecycle,
    terms: Terms,
    wallet: Address,
    *,
    trader_model: Sampler | None = None,
    prior: Closes | None = None,
    needed: Sequence[str] = NEEDED,
    rehearsal: Rehearsal | None = None,
) -> AsyncIterator[Parts]:
    """Build, check and start all parts; they are closed in reverse order.

    `trader_model` replaces the proposer of the settings; `prior` are closes from before the endpoint's first block;
    `needed` are the parts that must be healthy for the daemon to be ready; `rehearsal` is a backtest's. Raises
    OperatorError if the operator must fix something, Unavailable if the chain or the fork does not answer.
    """
    settings, network = terms.settings, terms.network
    state_dir = settings.state_dir.expanduser()
    clock, salt, socket = (time.time, None, None) if rehearsal is None else rehearsal
    async with contextlib.AsyncExitStack() as stack:
        rpc = await stack.enter_async_context(endpoints(settings, network, socket))
        genesis = await chain_identity.require_chain(rpc, network)
        journal = Journal.open(state_dir / JOURNAL, network, genesis, wallet, clock=clock, durable=rehearsal is None)
        stack.callback(journal.close)
        if (known := journal.chain.settled_block) is not None:
            rpc.expect(known)
            rpc.recheck()
        await rpc.call("eth_chainId")  # the first use of an endpoint checks its chain
        rpc.started()
        if (driven_by := await published_prices(rpc, network)) is not None:
            journal.chain.follow(driven_by)

        metrics = Metrics(network)
        health = Health(
            max_head_age=terms.limits.max_head_age,
            parts=(*needed,),
            stopping=lambda: lifecycle.stopping,
            clock=clock,
        )
        history = BlockCloses(max(MIN_BARS, settings.strategy.lookback_blocks + 1), prior or {})
        head = await latest_head(rpc)
        latest = Latest[Head](head)
        close_file = CloseFile(state_dir / CLOSES)
        stack.callback(close_file.close)
        coins = {symbol: closes for symbol, closes in (prior or {}).items() if symbol != network.quote}
        closes = CloseHistory(close_file, spaced(coins, head, network.block_time))
        await drop_orphans(rpc, closes, head)
        market = MarketReader(
            rpc,
            network,
            wallet,
            READERS,
            history,
            closes=closes,
            min_priority_fee=terms.fee_floor,
            max_priority_fee=terms.limits.max_priority_fee,
        )
        times = HeadTimes.of(network.block_time)
        heads = HeadStream(rpc, settings.rpc.ws_endpoints, times=times, on_reorg=market.rewind)
        await backfill_history(rpc, market.closes_at, history, head)
        prices = (await market.read(head)).prices

        fork = simulating_fork(settings, network, rpc)
        if fork is not None:
            await stack.enter_async_context(fork)
        # After a failed request or a lost subscription, another node may answer at the same address.
        # Anvil cannot read all overrides of a simulation on its unix socket, so that is always asked over HTTP.
        over_http = rpc if socket is None else await stack.enter_async_context(endpoints(settings, network))
        node = await simulating_node(settings, network, over_http, lambda: rpc.failures + heads.reconnects, head)
        watch = ContractWatch(network, rpc)
        await watch.start()
        toolkit = DexToolkit(network, fork, node=node, watch=watch, trusted=terms.limits.trusted, salt=salt)
        memory = JournalMemory(state_dir / MEMORY, state_dir / JOURNAL, network)
        stack.callback(memory.close)
        workers = stack.enter_context(Sandbox())
        sandbox = _CountedSandbox(workers, metrics)
        around = Surroundings(sandbox, workers, memory, journal)
        proposing = await stack.enter_async_context(proposer(settings, around, metrics, trader_model))

        def build(new_settings: Settings) -> InForce:
            require_consistent(new_settings, network)
            new_terms = Terms.of(new_settings, network)
            return in_force(new_terms, prices, toolkit, proposing.make_trader, order_of(new_settings))

        required = trader_model is None and settings.needs_order

        def order_of(given: Settings) -> StandingOrder | None:
            return approved_order(given, network, journal, DexQuoter(network), required=required)

        order = order_at_start(settings, network, journal, DexQuoter(network), required=required)
        force = in_force(terms, prices, toolkit, proposing.make_trader, order)
        metrics.build.info({"version": __version__, "network": network.name, "mode": settings.execution.mode})
        metrics.student.info({"id": force.trader.source})
        metrics.observe_proposer(force.kind)
        yield Parts(
            lifecycle=lifecycle,
            force=Latest(force),
            build=build,
            network=network,
            wallet=wallet,
            genesis=genesis,
            rpc=rpc,
            journal=journal,
            heads=heads,
            latest=latest,
            market=market,
            toolkit=toolkit,
            fork=fork,
            can_propose=proposing.ready,
            metrics=metrics,
            health=health,
            board=Board(network, version=__version__, mode=settings.execution.mode, wallet=wallet, prices=driven_by),
            clock=clock,
        )


@dataclass(frozen=True, slots=True)
class _CountedSandbox:
    """A sandbox that counts its runs in the metrics, by outcome."""

    sandbox: Sandbox
    metrics: Metrics

    async def run(self, code: str, tools: Tools, state: bytes | None = None) -> CodeRun:
        code_run = await self.sandbox.run(code, tools, state)
        self.metrics.ran("ok" if code_run.error is None else code_run.stage)
        return code_run

    def prepared(self, code: str) -> bytes:
        return self.sandbox.prepared(code)
