"""A local market that moves by itself, and Sentinel beside it as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account

from sentinel.core.network import NATIVE
from sentinel.market import Devnet

KEY = "0x" + "5e" * 32  # of the tests' own wallet, worth nothing anywhere
WALLET = Account.from_key(KEY).address
PURSE = {"WETH": 2 * 10**18, "USDC": 4_000 * 10**6, NATIVE: 10**18}
ORDER = (
    "Rebalance to 50% WETH and 50% USDC when off by more than 2%. "
    "Trade at most 500 USDC at a time. Trade at least 10 USDC at a time."
)
ALLOWED = {"WETH": 10**19, "USDC": 20_000 * 10**6}


@contextlib.asynccontextmanager
async def moving(devnet: Devnet, block_time: float = 0.3) -> AsyncIterator[None]:
    """Blocks come while the body runs."""
    running = asyncio.create_task(devnet.market.run(block_time))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})


@dataclass
class Cli:
    """`sentinel …` with the settings of one test; nothing of the caller's own SENTINEL_ variables."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    started: list[asyncio.subprocess.Process] = field(default_factory=list)

    @classmethod
    async def on(cls, devnet: Devnet, folder: Path, **settings: str) -> Cli:
        """A funded wallet on the devnet, the oracle as its proposer with an order to rebalance, a dry run."""
        await devnet.fund(WALLET, PURSE)
        await devnet.allow_permit2(WALLET, ALLOWED)
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_text(KEY)
        return cls(
            folder,
            {
                "SENTINEL_RPC__URL": devnet.rpc_url,
                "SENTINEL_RPC__WS_URL": devnet.ws_url,
                "SENTINEL_STATE_DIR": str(folder / "state"),
                "SENTINEL_FORK__PORT": "0",
                "SENTINEL_WEB__PORT": "0",
                "SENTINEL_WALLET__DEV_KEY_FILE": str(key),
                "SENTINEL_PROPOSER": "oracle",
                "SENTINEL_STRATEGY__ORDER": ORDER,
                "SENTINEL_LIMITS__MAX_HEAD_AGE": "3600",  # blocks come faster than seconds, so chain time runs ahead
                "SENTINEL_LIMITS__MAX_DEADLINE": "600",  # likewise: the signer takes twice this, from the wall clock
                **settings,
            },
        )

    async def spawn(self, *arguments: str) -> asyncio.subprocess.Process:
        """Its standard error goes to `folder`/stderr."""
        with (self.folder / "stderr").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sentinel", *arguments),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
                env=_environment(self.settings),
                cwd=self.folder,
            )
        self.started.append(process)
        return process

    async def __call__(self, *arguments: str, within: float = 60.0) -> tuple[int, str, str]:
        """Exit code, standard output, standard error; seconds that it may take."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sentinel", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(self.settings) | {"PYTHONPATH": os.getcwd()},
            cwd=self.folder,
        )
        out, err = await asyncio.wait_for(process.communicate(), within)
        return process.returncode or 0, out.decode(), err.decode()

    async def json(self, *arguments: str) -> Any:
        code, out, err = await self(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    async def until(self, wanted: Callable[[Any], bool], *arguments: str, within: float = 60.0) -> Any:
        """Ask again until the answer is as wanted; fails with the last answer and the daemon's log."""
        end = asyncio.get_running_loop().time() + within
        last: Any = None
        while asyncio.get_running_loop().time() < end:
            code, out, err = await self(*arguments, "--json")
            last = json.loads(out) if code == 0 else err
            if code == 0 and wanted(last):
                return last
            await asyncio.sleep(0.1)
        log = (self.folder / "stderr").read_text()[-3000:]
        raise AssertionError(f"{arguments} not as wanted within {within:g} s; last: {last}\n{log}")

    async def end(self) -> None:
        for process in self.started:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENTINEL_")}
    places = ("SENTINEL_DATA_DIR", "SENTINEL_CACHE_DIR")
    return {**kept, **{name: os.environ[name] for name in places if os.environ.get(name)}, **settings}
