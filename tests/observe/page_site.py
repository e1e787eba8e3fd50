"""A real daemon that trades an order on a local market, block by block, and serves its page.

The student is a double that returns the teacher's programs, of which a few are other ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sentinel.config.settings import Settings, load
from sentinel.core.record import CycleRecord
from sentinel.daemon.wiring import App, opened
from sentinel.market import Devnet
from tests.daemon.running import ALLOWED, KEY, PURSE, WALLET
from tests.orders.taught_sampler import TaughtSampler

ORDER = "Buy 300 USDC worth of WETH, every 1 second. Pay at most 50% of a trade in costs."
OTHERS = (
    'Thought: A little more than the order says.\nCode:\n```py\nbuy("WETH", 330, every=1)\n```<end_code>',
    "Thought: I would rather wait.\nCode:\n```py\nhold('not now')\n```<end_code>",
    "I have no code to offer.",
)  # what the first samples say; the others agree
SAMPLES = 8


def settings(devnet: Devnet, folder: Path, *, order: str = ORDER, token: Path | None = None) -> Settings:
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(KEY)
    return load(
        None,
        rpc={"url": devnet.rpc_url, "ws_url": devnet.ws_url},
        state_dir=folder / "state",
        fork={"port": 0},
        web={"port": 0, "control_token_file": token},
        wallet={"dev_key_file": key},
        strategy={"order": order},
        execution={"mode": "live", "confirmations": 1},
        limits={
            "max_head_age": 3_600,
            "max_deadline": 600,
            "max_trade": 1_000,
            "max_daily_loss": 300,
            "max_inventory_bps": {"WETH": 9_500},
        },
        model={"samples": SAMPLES},
    )


@dataclass
class Site:
    app: App
    devnet: Devnet
    records: list[CycleRecord] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def web(self) -> str:
        """The page's address."""
        assert self.app.parts.board.web is not None
        return self.app.parts.board.web

    @property
    def confirmed(self) -> int:
        return int(self.app.parts.board.status()["transactions"].get("confirmed", 0))

    async def until(self, wanted: Callable[[], bool], within: float = 90.0) -> None:
        """Make blocks, each after the cycle of the one before, until it is as wanted."""
        async with asyncio.timeout(within):
            while not wanted():
                await self.block()

    async def block(self) -> None:
        self.done.clear()
        await self.devnet.market.step()
        await self.done.wait()


@contextlib.asynccontextmanager
async def trading(devnet: Devnet, folder: Path, given: Settings | None = None) -> AsyncIterator[Site]:
    """The daemon runs while the body does. Blocks come when the body makes them."""
    sampler, records, done = TaughtSampler(others=OTHERS), list[CycleRecord](), asyncio.Event()

    def cycle_done(record: CycleRecord) -> None:
        records.append(record)
        done.set()

    with (folder / "log").open("a") as log:
        async with opened(
            given or settings(devnet, folder), trader_model=sampler, log_to=log, on_cycle=cycle_done
        ) as app:
            site = Site(app, devnet, records, done)
            daemon = asyncio.create_task(app.daemon.run())
            while not records:
                if daemon.done():
                    raise AssertionError((folder / "log").read_text()[-3000:])
                await devnet.market.step()
                await asyncio.sleep(0.2)
            try:
                yield site
            finally:
                app.daemon.stop()
                await asyncio.wait_for(daemon, 60)


@contextlib.asynccontextmanager
async def funded() -> AsyncIterator[Devnet]:
    """A local market with the tests' wallet on it."""
    async with Devnet.start() as devnet:
        await devnet.fund(WALLET, PURSE)
        await devnet.allow_permit2(WALLET, ALLOWED)
        yield devnet
