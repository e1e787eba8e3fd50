"""The site of the drill: market, student, daemon and Prometheus, with methods that make them fail."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account

from lab.operations.prometheus import Prometheus, running
from sentinel.agent.model import StudentModel
from sentinel.agent.vllm_server import NAME, SCRIPT
from sentinel.core.host.process import Child, free_port
from sentinel.core.network import NATIVE
from sentinel.daemon.operator.control import ask
from sentinel.market import Devnet

KEY = "0x" + "6d" * 32  # holds nothing on any real chain
PURSE = {"WETH": 2 * 10**18, "USDC": 4_000 * 10**6, NATIVE: 10**18}
ALLOWED = {"WETH": 10**19, "USDC": 20_000 * 10**6}
ORDER = "Rebalance to 50% WETH and 50% USDC when off by more than 2%. Trade at most 500 USDC at a time."
BLOCK_TIME = 2.0  # seconds
READY_WITHIN = 600.0  # seconds for vLLM on a busy machine


@dataclass(slots=True)
class DrillSite:
    """The running parts."""

    net: Devnet
    folder: Path
    prometheus: Prometheus
    student: Child
    daemon: Child
    env_file: Path
    wallet: str
    _blocks: asyncio.Task[None] | None = None
    stopped: set[int] = field(default_factory=set)

    # ------------------------------------------------------------ faults, and their ends

    async def student_down(self) -> None:
        await self.student.stop()

    async def student_up(self) -> None:
        await self.student.start()

    async def chain_stands_still(self) -> None:
        if self._blocks is not None:
            self._blocks.cancel()
            await asyncio.wait({self._blocks})
            self._blocks = None

    async def chain_goes_on(self) -> None:
        self._blocks = asyncio.create_task(self.net.market.run(BLOCK_TIME))

    async def daemon_killed(self) -> None:
        os.killpg(self.daemon.pid, signal.SIGKILL)

    async def daemon_started(self) -> None:
        await self.daemon.stop()
        await self.daemon.start()

    async def signer_frozen(self) -> None:
        self.stopped = {pid for pid in _descendants(self.daemon.pid) if "sentinel.signing.process" in _command(pid)}
        for pid in self.stopped:
            os.kill(pid, signal.SIGSTOP)

    async def signer_thawed(self) -> None:
        for pid in self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def fork_killed(self) -> None:
        for pid in _descendants(self.daemon.pid):
            if "anvil" in _command(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def paused(self) -> None:
        await asyncio.to_thread(ask, self.folder / "state", "pause", reason="a drill")

    async def resumed(self) -> None:
        await asyncio.to_thread(ask, self.folder / "state", "resume")

    async def settings_spoilt(self) -> None:
        self.env_file.write_text("SENTINEL_VOTE__QUORUM_BPS=lots\n")
        os.kill(await self._daemon_pid(), signal.SIGHUP)

    async def settings_mended(self) -> None:
        self.env_file.write_text("SENTINEL_VOTE__QUORUM_BPS=5500\n")
        os.kill(await self._daemon_pid(), signal.SIGHUP)

    async def gas_money_gone(self) -> None:
        await self.net.rpc.call("anvil_setBalance", self.wallet, hex(3 * 10**16))

    async def gas_money_there(self) -> None:
        await self.net.rpc.call("anvil_setBalance", self.wallet, hex(10**18))

    async def nothing(self) -> None:
        """The end of a fault from which the daemon recovers by itself."""

    async def _daemon_pid(self) -> int:
        status: dict[str, Any] = await asyncio.to_thread(ask, self.folder / "state", "status")
        return int(status["status"]["pid"])


@contextlib.asynccontextmanager
async def opened(folder: Path, model: Path) -> AsyncIterator[DrillSite]:
    """Start all parts and the blocks; stop all of them at the end."""
    port, serving = free_port(), free_port()
    wallet = Account.from_key(KEY).address
    env_file, key = folder / "sentinel.env", folder / "key"
    env_file.touch()
    key.touch(mode=0o600)
    key.write_text(KEY)

    async def served() -> bool:
        async with StudentModel(f"http://127.0.0.1:{serving}/v1", NAME, timeout=2.0) as probe:
            await probe.health()
        return True

    serve: list[str | Path] = [SCRIPT, model, str(serving)]
    targets = {"sentinel": f"127.0.0.1:{port}", "vllm": f"127.0.0.1:{serving}"}
    async with contextlib.AsyncExitStack() as stack:
        net = await stack.enter_async_context(Devnet.start())
        await net.fund(wallet, PURSE)
        await net.allow_permit2(wallet, ALLOWED)
        log = folder / "vllm.log"
        child = Child("vllm", serve, log=log, ready=served, ready_within=READY_WITHIN, stop_within=20.0)
        student = await stack.enter_async_context(child)
        settings = {
            "SENTINEL_STATE_DIR": str(folder / "state"),
            "SENTINEL_RPC__URL": net.rpc_url,
            "SENTINEL_RPC__WS_URL": net.ws_url,
            "SENTINEL_FORK__PORT": "0",
            "SENTINEL_WEB__PORT": str(port),
            "SENTINEL_WALLET__DEV_KEY_FILE": str(key),
            "SENTINEL_STRATEGY__ORDER": ORDER,
            "SENTINEL_MODEL__URL": f"http://127.0.0.1:{serving}/v1",
        }
        run = [sys.executable, "-m", "sentinel", "run", "--live", "--env-file", str(env_file)]
        prometheus = await stack.enter_async_context(running(folder, targets))
        daemon = Child("daemon", run, log=folder / "daemon.log", env=settings, stop_within=60.0)
        site = DrillSite(net, folder, prometheus, student, daemon, env_file, wallet)
        await site.chain_goes_on()
        stack.push_async_callback(site.chain_stands_still)
        await stack.enter_async_context(daemon)
        yield site


def _descendants(pid: int) -> list[int]:
    """All processes below `pid`."""
    descendants: list[int] = []
    todo = [pid]
    while todo:
        parent = todo.pop()
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                children_of_parent = [int(word) for word in children.read_text().split()]
                descendants += children_of_parent
                todo += children_of_parent
    return descendants


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
