"""The Anvil fork that simulations run on: started or attached, moved to each head, restarted after a failure.

It is reached through a unix socket alone. It reads the chain through another one (`ForkUpstream`), so it never learns
the address of the chain's endpoint. Both sockets are in a folder that other users cannot enter.

Use: `async with fork.at(head) as rpc: ...`, one user at a time. Every failure inside raises ForkUnavailable within the
timeout. The fork restarts in the background; until then its callers hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Self

from sentinel.chain.anvil import start_anvil_on_socket
from sentinel.chain.fork_upstream import ForkUpstream
from sentinel.chain.rpc import quantity, redact
from sentinel.chain.socket_rpc import SocketRpc
from sentinel.core.errors import ChainMismatch, ForkUnavailable, OperatorError, RpcError, Unavailable
from sentinel.core.host.namespaces import reachable_by_others
from sentinel.core.host.process import Child
from sentinel.core.market_state import Head
from sentinel.core.network import HexHash, Network

FAILURES = 3  # consecutive failures after which a fork that we started is restarted
_RETRY = 2.0  # seconds between two attempts to start it
_ATTACH = 30.0  # seconds for an attached fork to answer, once its upstream is there
SOCKET, UPSTREAM, NETWORK = "fork.sock", "upstream.sock", "network"  # files in the fork's folder
# The user of an attached fork may be another one; both are in the group of the folder.
_OWN_MODE, _SHARED_MODE = 0o600, 0o660
_FLAGS = ("--no-storage-caching", "--accounts", "0", "--no-rate-limit")
_URL = re.compile(r"\b(?:https?|wss?)://[^\s\"']+")


def without_addresses(text: str) -> str:
    """The text with each URL redacted, at most 300 characters: Anvil's errors quote its upstream, key included."""
    return _URL.sub(lambda match: redact(match[0]), text)[:300]


def _short_temporary_folder() -> str | None:
    """Where temporary folders go; None for the default. The path of a unix socket has at most 107 bytes."""
    return None if len(tempfile.gettempdir()) < 60 else "/tmp"


class Fork:
    """Use as an async context manager, or call `start()` and `close()`."""

    def __init__(
        self,
        network: Network,
        upstream: str | Callable[[], str],
        *,
        socket: Path | None = None,
        port: int = 0,
        anvil: str | Path | None = None,
        timeout: float = 5.0,
        log: Path | None = None,
        flags: Sequence[str] = ("--prune-history",),
    ) -> None:
        """`upstream`: the chain's endpoint, or a function that returns it at every start and move of the fork.

        `socket`: of a running Anvil to attach to. If it is None, a child is started on `port` (0: any free port) with
        the extra `flags`. `timeout`: seconds for one whole use, from the move to the head to the last request there.
        """
        self._network = network
        self._named = upstream
        self._attached = socket
        self._port = port
        self._anvil = anvil
        self._timeout = timeout
        self._log = log
        self._flags = (*_FLAGS, *flags)
        self._child: Child | None = None
        self._rpc: SocketRpc | None = None
        self._home: Path | None = None
        self._proxy: ForkUpstream | None = None
        self._at: HexHash | None = None
        self._failures = 0
        self.resets = 0  # how often it was moved to another head
        self._reviving: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def _upstream(self) -> str:
        return self._named if isinstance(self._named, str) else self._named()

    @property
    def own(self) -> bool:
        """Whether it is a child of this process, not an Anvil that was already running."""
        return self._attached is None

    @property
    def timeout(self) -> float:
        """Seconds for one whole use, from the move to the head to the last request."""
        return self._timeout

    @property
    def healthy(self) -> bool:
        """Whether it runs and its last use did not fail."""
        running = self._child is not None and self._child.running if self.own else self._rpc is not None
        return running and self._failures == 0 and self._reviving is None

    @property
    def socket(self) -> Path | None:
        """Its unix socket; None while it does not run."""
        if self._rpc is None:
            return None
        return self._attached or (self._home / SOCKET if self._home is not None else None)

    @property
    def reachable(self) -> bool:
        """Whether other users of this machine can reach it. Raises OSError if it does not run."""
        socket = self.socket
        if socket is None:
            raise ConnectionRefusedError("the fork does not run")
        return reachable_by_others(socket)

    @property
    def pid(self) -> int | None:
        """The running child's process id; None if there is no such child."""
        return self._child.pid if self._child is not None and self._child.running else None

    async def start(self) -> Self:
        """Start the child, or attach, and check the chain id.

        Raises ForkUnavailable if it cannot be started or reached (ForkInUse if another process is attached),
        ChainMismatch, and OperatorError if Anvil is missing.
        """
        self._closed = False
        try:
            if self._attached is None:
                await self._start_child()
            else:
                await self._attach(self._attached)
            assert self._rpc is not None
            chain_id = quantity(await self._rpc.call("eth_chainId"))
        except RpcError as error:
            await self.close()
            raise ForkUnavailable(f"the fork does not answer: {error}") from error
        except BaseException:
            await self.close()
            raise
        if chain_id != self._network.chain_id:
            await self.close()
            raise ChainMismatch(f"the fork has chain id {chain_id}, the network {self._network.chain_id}")
        return self

    async def close(self) -> None:
        """Stop it. Safe to call twice. A use that is still running fails, and does not restart the fork."""
        self._closed = True
        if self._reviving is not None:
            self._reviving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reviving
            self._reviving = None
        await self._stop_child()
        if self._proxy is not None:
            await self._proxy.close()
            self._proxy = None
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    @contextlib.asynccontextmanager
    async def at(self, head: Head, within: float | None = None) -> AsyncIterator[SocketRpc]:
        """The fork's endpoint with exactly `head` as its latest block, for `within` seconds (None: the timeout).

        Raises ForkUnavailable if the fork is down, lags, is on another branch, or is too slow.
        """
        within = self._timeout if within is None else within
        try:
            async with asyncio.timeout(within), self._lock:
                yield await self._follow(head)
        except TimeoutError as error:
            self._failed()
            raise ForkUnavailable(f"the fork did not answer within {within:.3g} s") from error
        except RpcError as error:
            self._failed()
            raise ForkUnavailable(f"the fork failed: {without_addresses(str(error))}") from error
        except ForkUnavailable:
            self._failed()
            raise
        self._failures = 0

    async def follow(self, head: Head) -> None:
        """Move the fork to `head` now, so that the next `at(head)` need not. Raises as `at` does."""
        async with self.at(head):
            pass

    async def _follow(self, head: Head) -> SocketRpc:
        rpc = self._rpc
        if self._reviving is not None or rpc is None:
            raise ForkUnavailable("the fork is being started again")
        if self.own and (self._child is None or not self._child.running):
            raise ForkUnavailable("the fork died")
        if self._at == head.hash:
            return rpc
        self._at = None
        assert self._proxy is not None
        await self._proxy.turn()  # after a fail-over, to the endpoint that is current now
        await rpc.call("anvil_reset", {"forking": {"blockNumber": head.number}})
        latest = await rpc.call("eth_getBlockByNumber", "latest", False)
        if not isinstance(latest, dict) or latest.get("hash") != head.hash:
            raise ForkUnavailable(f"the fork's upstream has another block {head.number} than the head {head.hash}")
        self._at = head.hash
        self.resets += 1
        return rpc

    def _failed(self) -> None:
        """After any failure the next use moves the fork anew; a child that died or failed too often is restarted."""
        self._at = None
        self._failures += 1
        dead = self._child is None or not self._child.running
        if self.own and not self._closed and self._reviving is None and (dead or self._failures >= FAILURES):
            self._reviving = asyncio.create_task(self._revive(), name="fork-revive")

    async def _revive(self) -> None:
        while True:
            await self._stop_child()
            try:
                await self._start_child()
                break
            except (Unavailable, OperatorError, OSError):  # OSError: a full disk, which may have room again later
                await asyncio.sleep(_RETRY)
        self._failures = 0
        self._reviving = None

    async def _start_child(self) -> None:
        if self._home is None:
            self._home = Path(tempfile.mkdtemp(prefix="sentinel-fork-", dir=_short_temporary_folder()))
        if self._proxy is None:
            self._proxy = await self._listening(self._home, _OWN_MODE)
        socket = self._home / SOCKET
        socket.unlink(missing_ok=True)
        arguments = ["--fork-url", str(self._home / UPSTREAM), *self._flags]
        arguments += ["--hardfork", self._network.hardfork, "--chain-id", str(self._network.chain_id)]
        try:
            self._child = await start_anvil_on_socket(
                socket,
                port=self._port,
                program=self._anvil,
                arguments=arguments,
                log=self._log,
                cwd=self._home,
            )
        except Unavailable as error:
            raise ForkUnavailable(
                f"the fork of {redact(self._upstream)} could not be started: {without_addresses(str(error))}"
            ) from error
        self._rpc = SocketRpc(socket, timeout=self._timeout)
        self._at = None

    async def _attach(self, socket: Path) -> None:
        """Serve the upstream beside the running Anvil's socket, and wait until that Anvil answers.

        Its service waits for the upstream before it starts Anvil, for the kind of chain that `network` names.
        """
        text = f"CHAIN_ID={self._network.chain_id}\nHARDFORK={self._network.hardfork}\n"
        try:
            await asyncio.to_thread((socket.parent / NETWORK).write_text, text)
            self._proxy = await self._listening(socket.parent, _SHARED_MODE)
        except OSError as error:
            raise ForkUnavailable(f"the fork's folder {socket.parent} cannot be used: {error.strerror}") from error
        self._rpc = rpc = SocketRpc(socket, timeout=self._timeout)
        end = asyncio.get_running_loop().time() + _ATTACH
        while True:
            try:
                await rpc.call("eth_chainId")
                return
            except RpcError:
                if asyncio.get_running_loop().time() > end:
                    raise
                await asyncio.sleep(0.1)

    async def _listening(self, folder: Path, mode: int) -> ForkUpstream:
        upstream = ForkUpstream(folder / UPSTREAM, lambda: self._upstream, mode=mode, timeout=self._timeout)
        return await upstream.start()

    async def _stop_child(self) -> None:
        if self._rpc is not None:
            await self._rpc.close()
            self._rpc = None
        if self._child is not None:
            await self._child.stop()
            self._child = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()
