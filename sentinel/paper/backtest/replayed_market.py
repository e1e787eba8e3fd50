"""The local market of a backtest: a fresh chain that plays one run of minutes, with the time of those minutes."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from sentinel.core.errors import OperatorError
from sentinel.core.network import Symbol
from sentinel.market import CrowdBehaviour, Devnet, PricePath
from sentinel.market.genesis import BAKED_AT, HARDFORK
from sentinel.market.price_path import MarketBar, with_wbtc
from sentinel.paper.backtest.task import COIN_OF_PRICES, MINUTE, Task
from sentinel.prices.bar import text_of
from sentinel.prices.bars import PriceSource

AHEAD = 0.2  # share of the minutes in which the crowd trades first, so that a trade meets the next price
EPOCH = 6  # blocks; two of them are final, after about as many minutes as on Ethereum
KEPT_BLOCKS = 32  # a transaction is final long before; more would only take memory
KEPT_STATES = 32  # the executor looks some blocks back for nonces
LONGEST = 100  # bytes of a unix socket's path
EARLIEST = BAKED_AT + 86_400  # Unix seconds; the chain's contracts are older


@dataclass(slots=True)
class ChainClock:
    """Chain time in Unix seconds: the end of the minute that the market plays."""

    now: float

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class ReplayedMarket:
    net: Devnet
    clock: ChainClock
    prior: dict[Symbol, tuple[float, ...]]  # closes before the first minute, oldest first
    socket: Path | None  # of the chain; None if the folder's path is too long for one

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, task: Task, home: Path) -> AsyncIterator[ReplayedMarket]:
        """The market at its first minute, with its files in `home`. The same task gives the same blocks.

        Raises OperatorError for minutes before the contracts existed, and as `Devnet.start` does.
        """
        if task.start < EARLIEST:
            raise OperatorError(
                f"the prices begin at {text_of(task.start)}, and the local market's contracts at {text_of(EARLIEST)}: "
                "choose later minutes with --from"
            )
        clock = ChainClock(task.start)
        path = _path(task, clock)
        prior: dict[Symbol, tuple[float, ...]] = {
            COIN_OF_PRICES: tuple(bar.weth for bar in path.before),
            "WBTC": tuple(bar.wbtc for bar in path.before),
        }
        socket = home / "chain.ipc"
        async with Devnet.start(
            prices=path,
            seed=task.seed,
            behaviour=CrowdBehaviour(ahead=AHEAD),
            clock=clock,
            identity="",
            log=home / "chain.log",
            kept_blocks=KEPT_BLOCKS,
            kept_states=KEPT_STATES,
            flags=("--hardfork", HARDFORK, "--slots-in-an-epoch", str(EPOCH)),
            socket=(known := socket if len(os.fsencode(socket)) < LONGEST else None),
        ) as net:
            prior[net.network.quote] = (1.0,) * len(path.before)
            yield cls(net, clock, prior, known)


def _path(task: Task, clock: ChainClock) -> PricePath:
    """The clock moves when the market takes a bar: nothing else happens meanwhile."""
    bars = with_wbtc(itertools.chain(task.before, task.closes), task.seed)
    before = tuple(itertools.islice(bars, len(task.before)))

    def played() -> Iterator[MarketBar]:
        for minute, bar in enumerate(bars, 1):
            clock.now = task.start + MINUTE * minute
            yield bar

    return PricePath(PriceSource("backtest"), played(), before, text=f"the minutes from {text_of(task.start)}")
