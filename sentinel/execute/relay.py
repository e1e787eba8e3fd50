"""A private relay: the only receiver of signed bytes, so that nobody sees a trade before it is mined.

The status that it reports is passed to the observer and decides nothing. The outcome is read from the chain.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self

import aiohttp
from eth_utils.crypto import keccak
from pydantic_core import from_json

from sentinel.chain.rpc import Rpc, plain, redact
from sentinel.core.network import HexHash

STATUSES = ("PENDING", "INCLUDED", "FAILED", "CANCELLED", "UNKNOWN")  # as in Flashbots Protect's status API
_ENDS = ("INCLUDED", "FAILED", "CANCELLED")
_MAX_REPLY = 64 * 1024  # bytes
_ASKS = 100  # maximum status requests per transaction

StatusCallback = Callable[[HexHash, str], None]  # transaction hash, and its status in lower case


class Relay:
    """Use as an async context manager. `name` is the way of its attempts: scheme and host, never a key."""

    def __init__(
        self, url: str, status_url: str, on_status: StatusCallback, *, timeout: float = 5.0, poll_seconds: float = 12.0
    ) -> None:
        """Without a `status_url` no status is requested.

        `timeout` is in seconds per request, `poll_seconds` the time between two status requests.
        """
        self.name = redact(url)
        self.rpc = Rpc(url, timeout=timeout)
        self._status_url = status_url.rstrip("/")
        self._told = on_status
        self._timeout = timeout
        self._every = poll_seconds
        self._asking: asyncio.Task[None] | None = None

    def watch(self, raw: bytes) -> None:
        """Poll the status of the transaction that was just sent. The polling of an earlier one stops."""
        if self._status_url:
            self._stop_asking()
            self._asking = asyncio.create_task(self._ask(HexHash("0x" + keccak(raw).hex())), name="relay status")

    async def _ask(self, tx_hash: HexHash) -> None:
        before = ""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout)) as session:
            for _ in range(_ASKS):
                status = await self._status(session, tx_hash)
                if status != before:
                    self._told(tx_hash, status.lower())
                    before = status
                if status in _ENDS:
                    return
                await asyncio.sleep(self._every)

    async def _status(self, session: aiohttp.ClientSession, tx_hash: HexHash) -> str:
        """One of STATUSES, or `unreachable` or `malformed` if there is no valid reply."""
        try:
            async with session.get(f"{self._status_url}/{tx_hash}", allow_redirects=False) as response:
                raw = await response.content.read(_MAX_REPLY)
            reply = from_json(raw)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return "unreachable"
        except ValueError:
            return "malformed"
        status = plain(reply.get("status")) if isinstance(reply, dict) else ""
        return status if status in STATUSES else "malformed"

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_asking()
        if self._asking is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._asking
        await self.rpc.close()
