"""The whole daemon in this process, on real parts: Anvil, the DEX contracts, vLLM with the committed student."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from eth_account import Account

from lab import CHECKOUT
from sentinel.agent.vllm_server import VllmServer, served
from sentinel.config import settings
from sentinel.core.network import NATIVE
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Settled
from sentinel.daemon.wiring import App, opened
from sentinel.market import Devnet

ORDER = "Buy 400 USDC worth of WETH, every 2 seconds."  # due at each block
KEY = "0x" + "e2" * 32  # worth nothing anywhere
WALLET = Account.from_key(KEY).address
PURSE = {"WETH": 10**18, "USDC": 10_000 * 10**6, NATIVE: 10**18}
PATIENCE = 150.0  # seconds until what is waited for counts as not coming; eight programs can take half a minute
PACE = 3.0  # seconds until the next block where no cycle ends: longer than a decision takes


@pytest_asyncio.fixture(loop_scope="session")
async def devnet() -> AsyncIterator[Devnet]:
    """A market of the test's own, on the loop that the one vLLM is watched from."""
    async with Devnet.start() as net:
        yield net


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def student(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[VllmServer]:
    """One real vLLM for the session, with the shipped student; a test that stops it starts it again."""
    async with served(CHECKOUT / "models" / "student", log=tmp_path_factory.mktemp("vllm") / "log") as server:
        yield server


@dataclass
class Seen:
    records: list[CycleRecord] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    recorded: asyncio.Event = field(default_factory=asyncio.Event)

    def on_cycle(self, record: CycleRecord) -> None:
        self.records.append(record)
        self.recorded.set()

    def on_settled(self, settled: Settled) -> None:
        self.settled.append(settled)


@dataclass
class Run:
    """A running daemon: each block comes when the last one's record is written."""

    app: App
    net: Devnet
    seen: Seen

    @property
    def records(self) -> list[CycleRecord]:
        return self.seen.records

    @property
    def settled(self) -> list[Settled]:
        return self.seen.settled

    async def until(self, seen: Callable[[], bool], patience: float = PATIENCE, *, between: float = 0.0) -> None:
        """Mine on until it is so, with so many seconds between blocks; fails the test after `patience` seconds."""
        async with asyncio.timeout(patience):
            while not seen():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.seen.recorded.wait(), PACE)
                self.seen.recorded.clear()
                if not seen():
                    await asyncio.sleep(between)
                    await self.net.market.step()


@contextlib.asynccontextmanager
async def running(
    net: Devnet,
    server: VllmServer,
    folder: Path,
    *,
    mode: str = "live",
    direct: str = "auto",
    resample: int = 1_000,
    **more: Any,
) -> AsyncIterator[Run]:
    """`resample`: blocks for which programs are kept. `more`: further groups of settings."""
    await net.fund(WALLET, PURSE)
    await net.allow_permit2(WALLET, {"WETH": 10**19, "USDC": 20_000 * 10**6})
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(KEY)
    explicit = {
        "state_dir": folder / "state",
        "rpc": {"url": net.rpc_url, "ws_url": net.ws_url},
        "fork": {"port": 0, "node_simulation": direct},
        "model": {"url": server.url, "seed": 1, "timeout": 90.0, "episode_timeout": 90.0, "resample": resample},
        "web": {"port": 0},
        "strategy": {"order": ORDER, "exits": "vote"},
        "wallet": {"dev_key_file": key},
        "execution": {"mode": mode, "confirmations": 1},
        **more,
    }
    with (folder / "log").open("w") as log:
        seen = Seen()
        given = settings.load(None, **explicit)
        async with opened(given, log_to=log, on_cycle=seen.on_cycle, on_settled=seen.on_settled) as app:
            run = Run(app, net, seen)
            daemon = asyncio.create_task(app.daemon.run())
            try:
                yield run
            finally:
                app.daemon.stop()
                assert await asyncio.wait_for(daemon, PATIENCE) == 0
