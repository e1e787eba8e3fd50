"""Plays one task: the daemon's own cycle, policy, vote, toolkit, executor and journal, one block a minute of data."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from eth_utils.crypto import keccak

from sentinel.config import settings as settings_
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms, TokenCaps
from sentinel.core.errors import OperatorError
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import Network
from sentinel.core.stopwatch import Stopwatch
from sentinel.cycle import Cycle
from sentinel.daemon.assemble import Rehearsal, assembled
from sentinel.daemon.cycles import trading
from sentinel.daemon.execution import live_executor
from sentinel.daemon.guards.shortfall_breaker import ShortfallBreaker
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.loop import Follower
from sentinel.daemon.parts import Parts
from sentinel.daemon.send_route import broadcaster
from sentinel.observe import logs
from sentinel.paper.backtest.frictionless import reference_closes
from sentinel.paper.backtest.observing import Observing
from sentinel.paper.backtest.played import Played
from sentinel.paper.backtest.replayed_market import ReplayedMarket
from sentinel.paper.backtest.task import MINUTE, Task, purse
from sentinel.signing.signer import Signer

NETWORK = "devnet"
LAST_BLOCKS = 10  # minutes that the last transaction is followed at most after the last cycle

Clock = Callable[[], float]
Progress = Callable[[int], object]  # the number of minutes that are done


class BacktestSigner(Signer, Protocol):
    """A signer in this process, with the limits and counters of its own that every signer has."""

    def set_caps(self, caps: TokenCaps) -> None:
        """Set the caps by token, once, before the first signature."""
        ...


class MakeSigner(Protocol):
    """Opens the signer of a key that is made of `seed`, with its ledger in the state folder of the settings."""

    def __call__(
        self, settings: Settings, network: Network, clock: Clock, seed: bytes
    ) -> contextlib.AbstractAsyncContextManager[BacktestSigner]: ...


async def played(task: Task, home: Path, make_signer: MakeSigner, progress: Progress = lambda _: None) -> Played:
    """Play the task with all its files in `home`, a folder of its own.

    Raises OperatorError if the operator must fix something, and Unavailable if the local market fails.
    """
    async with opened(task, home, make_signer) as replay:
        await replay.run(len(task.closes), progress)
        return replay.result(task)


@contextlib.asynccontextmanager
async def opened(task: Task, home: Path, make_signer: MakeSigner) -> AsyncIterator[Replay]:
    """The daemon of this task, assembled on a market of its own at the first minute. Raises as `played` does."""
    async with (
        ReplayedMarket.start(task, home) as market,
        _assembled(task, home, market, make_signer) as replay,
    ):
        yield replay


@contextlib.asynccontextmanager
async def _assembled(task: Task, home: Path, market: ReplayedMarket, make_signer: MakeSigner) -> AsyncIterator[Replay]:
    settings = _settings(task, home, market.net.rpc_url)
    network = replace(market.net.network, block_time=float(MINUTE))
    seed = keccak(text=f"sentinel backtest {task.seed}")
    clock = market.clock
    async with contextlib.AsyncExitStack() as stack:
        log = stack.enter_context((home / "sentinel.log").open("w"))
        signer = await stack.enter_async_context(make_signer(settings, network, clock, seed))
        logger = logs.configure("error", settings.log.format, log, network=network.name, wallet=signer.address)
        await market.net.fund(signer.address, purse(task.closes[0], market.net.network))
        parts = await stack.enter_async_context(
            assembled(
                Lifecycle(),
                Terms.of(settings, network),
                signer.address,
                prior=market.prior,
                needed=(),
                rehearsal=Rehearsal(clock, seed, market.socket),
            )
        )
        order = parts.force.value.order
        if order is None:
            raise OperatorError("a backtest plays an order, and the settings give none: name one with --order")
        state = await parts.market.read(parts.latest.value)
        signer.set_caps(parts.terms.token_caps(state.prices))
        observing = Observing(order.order, network, market.prior, parts.journal.get_cycle)
        observing.begun(state)
        _enter_costs(parts, state)
        route = await stack.enter_async_context(broadcaster(parts, logger))
        executor = live_executor(parts, route, signer, observing)
        cycle = trading(parts, parts.force.value, parts.market, executor)
        yield Replay(market, parts, executor, cycle, observing, Stopwatch())


@dataclass(slots=True)
class Replay:
    """The assembled daemon on its market. `stages` are those of a minute, and with `total` those of its cycle."""

    market: ReplayedMarket
    parts: Parts
    executor: Follower
    cycle: Cycle
    observing: Observing
    stages: Stopwatch

    async def run(self, minutes: int, progress: Progress) -> None:
        """One cycle a minute, then the blocks until no transaction is open."""
        head = self.market.net.market.block.head  # the pools were opened at the first close
        for minute in range(minutes):
            if minute:
                head = await self._block()
            await self._look(head)
            progress(minute + 1)
        left = LAST_BLOCKS
        while self.executor.open_intent is not None and left:
            self.market.clock.now += MINUTE  # the market repeats its last price
            head, left = await self._block(), left - 1
        if left < LAST_BLOCKS:
            self.observing.looked(await self.parts.market.read(head))

    async def _block(self) -> Head:
        """The next block, with what the executor does about it."""
        with self.stages("bar"):
            head = (await self.market.net.market.step()).head
        self.parts.latest.put(head)
        with self.stages("follow"):
            if await self.executor.on_head(head) is not None:
                ShortfallBreaker(self.parts.journal, self.parts.limits, self.observing.alarm).look()
        return head

    async def _look(self, head: Head) -> None:
        with self.stages("cycle"):
            record = await self.cycle.run(head)
        for stage, seconds in record.timings.items():
            name = "read" if stage == "market" else stage
            self.stages.seconds[name] = self.stages.seconds.get(name, 0.0) + seconds
        with self.stages("observe"):
            # A cycle that holds before it reads, such as while trading is halted, has no state.
            state = record.state or await self.parts.market.read(head)
            self.parts.journal.equity.observe(state)
            self.observing.looked(state)
            self.observing.decided(record)

    def result(self, task: Task) -> Played:
        order, seen = self.parts.force.value.order, self.observing
        assert order is not None
        wins, sales = seen.wins
        return Played(
            name=task.name,
            reading=task.reading,
            order_hash=order.hash,
            segment=task.segment,
            seed=task.seed,
            begin=seen.begin(),
            minutes=tuple(seen.minutes),
            trades=tuple(seen.trades),
            missed=seen.missed,
            wanted=seen.wanted,
            disagreed=seen.disagreed,
            alarms=dict(sorted(seen.alarms.items())),
            halted=self.parts.journal.halt_reason or "",
            wins=wins,
            sales=sales,
            timings=dict(self.stages.seconds),
        )


def _settings(task: Task, home: Path, rpc_url: str) -> Settings:
    """The operator's settings, with what a backtest decides itself over them."""
    explicit = common_values(task.explicit, task.reading)
    explicit["state_dir"] = home
    explicit["rpc"] = {"url": rpc_url}
    return settings_.load(Path(task.env_file), **explicit)


def common_values(given: Mapping[str, Any], reading: str) -> dict[str, Any]:
    """The settings of the command line `given`, with what holds for every backtest over them."""
    nothing: dict[str, Any] = {"keystore_file": "", "dev_key_file": "", "signer_socket": "", "web3signer_url": ""}
    ours: dict[str, Any] = {
        "network": NETWORK,
        "strategy": {"order": reading, "order_file": "", "order_hash": "", "file": ""},
        "execution": {"mode": "live", "confirmations": 1},
        "fork": {"node_simulation": "always"},
        "wallet": {**nothing, "address": ""},
        "rpc": {"relay_url": ""},
    }
    merged = {name: dict(value) if isinstance(value, Mapping) else value for name, value in given.items()}
    for name, value in ours.items():
        merged[name] = {**merged.get(name, {}), **value} if isinstance(value, dict) else value
    return merged


def _enter_costs(parts: Parts, state: MarketState) -> None:
    """Let what the wallet begins with count as bought at the first close: an order may look at its entry."""
    for coin, price in reference_closes(state).items():
        if amount := state.balances.get(coin, 0):
            whole = Decimal(amount).scaleb(-parts.network.tokens[coin].decimals)
            parts.journal.positions.give_entry(coin, Decimal(repr(price)), whole, state.head.timestamp)
