"""The Anvil fork that simulations run on: started or attached, moved to each head, restarted after a failure.

Use: `async with fork.at(head) as rpc: ...`, one user at a time. Every failure inside raises ForkUnavailable within the
timeout. The fork restarts in the background; until then its callers hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Self

from sentinel.chain.anvil import start_anvil
from sentinel.chain.rpc import Rpc, quantity, redact
from sentinel.core.errors import ChainMismatch, ForkUnavailable, OperatorError, RpcError, Unavailable
from sentinel.core.host.process import Child
from sentinel.core.market_state import Head
from sentinel.core.network import HexHash, Network

FAILURES = 3  # consecutive failures after which a fork that we started is restarted
_RETRY = 2.0  # seconds between two attempts to start it
# The upstream's address may contain a key, so it is not in the child's arguments or environment. It is in a file that
# only this user can read, and the file is removed once Anvil has read it.
_ALIAS = "upstream"
_CONFIG = "foundry.toml"
_FLAGS = ("--no-storage-caching", "--accounts", "0", "--no-rate-limit")
_URL = re.compile(r"\b(?:https?|wss?)://[^\s\"']+")


def without_addresses(text: str) -> str:
    """The text with each URL redacted, at most 300 characters: Anvil's errors quote its upstream, key included."""
    return _URL.sub(lambda match: redact(match[0]), text)[:300]


class Fork:
    """Use as an async context manager, or call `start()` and `close()`."""

    def __init__(
        self,
        network: Network,
        upstream: str | Callable[[], str],
        *,
        url: str = "",
        port: int = 0,
        anvil: str | Path | None = None,
        timeout: float = 5.0,
        log: Path | None = None,
        flags: Sequence[str] = ("--prune-history",),
    ) -> None:
        """`upstream`: the chain's endpoint, or a function that returns it at every start and move of the fork.

        `url`: a running Anvil to attach to. If it is empty, a child is started on `port` (0: any free port) with the
        extra `flags`. `timeout`: seconds for one whole use, from the move to the head to the last request there.
        """
        self._network = network
        self._named = upstream
        self._url = url
        self._port = port
        self._anvil = anvil
        self._timeout = timeout
        self._log = log
        self._flags = (*_FLAGS, *flags)
        self._child: Child | None = None
        self._rpc: Rpc | None = None
        self._home: Path | None = None
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
        return not self._url

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
    def endpoint(self) -> str | None:
        """Its URL; None while it does not run."""
        return self._rpc.url if self._rpc is not None else None

    @property
    def pid(self) -> int | None:
        """The running child's process id; None if there is no such child."""
        return self._child.pid if self._child is not None and self._child.running else None

    async def start(self) -> Self:
        """Start the child, or attach, and check the chain id.

        Raises ForkUnavailable if it cannot be started or reached, ChainMismatch, and OperatorError if Anvil is missing.
        """
        self._closed = False
        if self.own:
            await self._start_child()
        else:
            self._rpc = Rpc(self._url, timeout=self._timeout)
        assert self._rpc is not None
        try:
            chain_id = quantity(await self._rpc.call("eth_chainId"))
        except RpcError as error:
            await self.close()
            raise ForkUnavailable(f"the fork does not answer: {error}") from error
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
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    @contextlib.asynccontextmanager
    async def at(self, head: Head, within: float | None = None) -> AsyncIterator[Rpc]:
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

    async def _follow(self, head: Head) -> Rpc:
        rpc = self._rpc
        if self._reviving is not None or rpc is None:
            raise ForkUnavailable("the fork is being started again")
        if self.own and (self._child is None or not self._child.running):
            raise ForkUnavailable("the fork died")
        if self._at == head.hash:
            return rpc
        self._at = None
        target = {"blockNumber": head.number}
        await rpc.call("anvil_reset", {"forking": target if self.own else {"jsonRpcUrl": self._upstream, **target}})
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
            self._home = Path(tempfile.mkdtemp(prefix="sentinel-fork-"))
        upstream = self._upstream
        config = self._home / _CONFIG
        config.touch(mode=0o600)
        config.write_text(f"[rpc_endpoints]\n{_ALIAS} = {json.dumps(upstream)}\n")
        arguments = ["--fork-url", _ALIAS, *self._flags]
        arguments += ["--hardfork", self._network.hardfork, "--chain-id", str(self._network.chain_id)]
        try:
            self._child, url = await start_anvil(
                port=self._port,
                program=self._anvil,
                arguments=arguments,
                log=self._log,
                cwd=self._home,
            )
        except Unavailable as error:
            raise ForkUnavailable(
                f"the fork of {redact(upstream)} could not be started: {without_addresses(str(error))}"
            ) from error
        finally:
            config.unlink(missing_ok=True)
        self._rpc = Rpc(url, timeout=self._timeout)
        self._at = None

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
