"""JSON-RPC over one pooled HTTP connection: single calls, batches, and one place that maps errors.

Replies are parsed by a parser with its own depth limit. A library that the wallet needs raises Python's recursion limit
so far that json.loads would overflow the stack on a deeply nested reply.

Nothing here retries. A caller that may repeat a read does so explicitly, and no send is repeated silently (I6).
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, Self, TypeVar

import aiohttp
from pydantic_core import from_json, to_json

from sentinel.core.errors import RpcError, RpcTimeout
from sentinel.core.http_reply import read_at_most
from sentinel.observe import redaction

MAX_REPLY = 256 * 1024 * 1024  # bytes; a larger reply is a fault of the node and is not held in memory
MAX_TEXT = 400  # maximum number of characters of foreign text in an error
_JSON = {"Content-Type": "application/json"}
_URL = re.compile(r"\b(?:https?|wss?)://[^\s\"'<>]+")

Call = tuple[str, Sequence[Any]]
T = TypeVar("T")


class Endpoint(Protocol):
    """The two kinds of request that a reader needs; see `Rpc` for what they return and raise."""

    async def call(self, method: str, *params: Any) -> Any: ...

    async def batch(self, calls: Sequence[Call]) -> list[Any | RpcError]: ...


class Sender(Protocol):
    """Where signed bytes may be sent to: one request, never repeated (I6)."""

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any: ...


class JsonRpc(Endpoint, Protocol):
    """The interface that one endpoint and a pool of endpoints (`sentinel.chain.endpoints`) share."""

    @property
    def failures(self) -> int:
        """How often another node may have come to answer since the start: after each request without a reply."""
        ...

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any: ...

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]: ...

    async def everywhere(self, ask: Callable[[JsonRpc], Awaitable[T]]) -> list[T]:
        """The results of `ask` from every endpoint that answers; at least one. Raises as `ask` does if none answers."""
        ...

    def senders(self) -> Sequence[tuple[str, Sender]]:
        """The name and client of each endpoint that may receive signed bytes now: those that have shown our chain."""
        ...


class Rpc:
    """The client of one endpoint. Use it as an async context manager, or call `close()`."""

    def __init__(self, url: str, *, timeout: float = 10.0, connections: int = 8) -> None:
        """`timeout`: seconds for one request. `connections`: how many requests it serves at the same time."""
        self.url = url
        self._timeout = timeout
        self._connections = connections
        self._ids = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None
        self.requests = 0  # HTTP requests since the start
        self.failures = 0  # how many of them had no usable reply

    def __repr__(self) -> str:
        return f"Rpc({redact(self.url)})"

    async def everywhere(self, ask: Callable[[JsonRpc], Awaitable[T]]) -> list[T]:
        """The result of `ask` from this one endpoint."""
        return [await ask(self)]

    def senders(self) -> Sequence[tuple[str, Sender]]:
        """This endpoint, by its redacted URL."""
        return ((redact(self.url), self),)

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        """The `result` of one request. `timeout` is in seconds.

        Raises RpcError (with code and data if the node answered with an error) or RpcTimeout.
        """
        number = next(self._ids)
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        reply, wait = await self._post(body, timeout)
        if not isinstance(reply, dict) or reply.get("id") not in (number, None):
            raise RpcError(f"{method}: reply is not a JSON-RPC object with our id")
        return _result(method, reply, wait)

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
        """The result of each call, in order, from one HTTP request. `timeout` is in seconds.

        The RpcError of a single call is returned in its place. Raises RpcError if the whole batch failed or an answer
        is missing, and RpcTimeout.
        """
        if not calls:
            return []
        first = next(self._ids)
        for _ in calls[1:]:
            next(self._ids)
        body = [
            {"jsonrpc": "2.0", "id": first + i, "method": method, "params": list(params)}
            for i, (method, params) in enumerate(calls)
        ]
        reply, wait = await self._post(body, timeout)
        if isinstance(reply, dict) and isinstance(reply.get("error"), dict):  # one error for the whole batch
            _result("batch", reply, wait)
        if not isinstance(reply, list):
            raise RpcError(f"batch of {len(calls)}: reply is not a list: {plain(reply)[:200]}")
        by_id = {item["id"]: item for item in reply if isinstance(item, dict) and isinstance(item.get("id"), int)}
        results: list[Any | RpcError] = []
        for i, (method, _) in enumerate(calls):
            item = by_id.get(first + i)
            if item is None:
                raise RpcError(f"batch of {len(calls)}: no answer to {method} (number {i})")
            try:
                results.append(_result(method, item, wait))
            except RpcError as error:
                results.append(error)
        return results

    async def _post(self, body: object, timeout: float | None) -> tuple[Any, float | None]:
        """The parsed reply, and the seconds of its Retry-After header if it has one."""
        self.requests += 1
        try:
            return await self._exchange(body, timeout)
        except RpcError:
            self.failures += 1
            raise

    async def _exchange(self, body: object, timeout: float | None) -> tuple[Any, float | None]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=60)
            )
        limit = aiohttp.ClientTimeout(total=timeout or self._timeout)
        endpoint = redact(self.url)
        try:
            # No redirects: no host but the operator's may see reads or signed bytes.
            async with self._session.post(
                self.url, data=to_json(body), headers=_JSON, timeout=limit, allow_redirects=False
            ) as response:
                raw = await read_at_most(response, MAX_REPLY)
                wait = _seconds(response.headers.get("Retry-After", ""))
                if response.status != 200:
                    raise RpcError(f"{endpoint}: HTTP {response.status}", code=response.status, retry_after=wait)
        except TimeoutError as error:
            raise RpcTimeout(f"{endpoint}: no reply within {timeout or self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise RpcError(f"{endpoint}: {type(error).__name__}: {plain(error)}") from error
        try:
            return from_json(raw, cache_strings="keys"), wait  # values are hashes and calldata, which rarely repeat
        except ValueError as error:
            raise RpcError(f"{endpoint}: reply is not JSON: {bytes(raw[:80])!r}") from error

    async def close(self) -> None:
        """Close the connection. A later request opens a new one."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            await asyncio.sleep(0)  # aiohttp closes its transports on the next turn of the loop

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _result(method: str, reply: dict[str, Any], wait: float | None) -> Any:
    """The `result` of a JSON-RPC reply. Raises RpcError if it holds an error, or no result."""
    if (error := reply.get("error")) is not None:
        if isinstance(error, dict):
            code = error.get("code")
            raise RpcError(
                f"{method}: {plain(error.get('message'))}",
                code=code if isinstance(code, int) else None,
                data=error.get("data"),
                retry_after=wait,
            )
        raise RpcError(f"{method}: {plain(error)}")
    if "result" not in reply:
        raise RpcError(f"{method}: reply has neither result nor error")
    return reply["result"]


def _seconds(retry_after: str) -> float | None:
    """The seconds of a Retry-After header; None if it has none or names a date."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7 else None


def at_block(block_hash: str) -> dict[str, object]:
    """The block parameter for exactly this block, valid only while the block is canonical (EIP-1898)."""
    return {"blockHash": block_hash, "requireCanonical": True}


def quantity(value: object, bits: int = 256) -> int:
    """The integer of a JSON-RPC quantity. Raises RpcError if it is not a number, is negative or exceeds `bits` bits.

    Unbounded numbers from a node would break databases, floats and the encoding of transactions.
    """
    try:
        number = int(str(value), 16)
    except ValueError as error:
        raise RpcError(f"not a number: {str(value)[:80]!r}") from error
    if not 0 <= number < 1 << bits:
        raise RpcError(f"not an unsigned number of {bits} bits: {str(value)[:80]!r}")
    return number


def plain(text: object) -> str:
    """Foreign text made safe for errors and logs: short printable ASCII, without secrets and without keys in URLs."""
    printable = "".join(c if " " <= c <= "~" else "?" for c in str(text)[: 4 * MAX_TEXT])
    return redaction.text(_URL.sub(lambda match: redact(match[0]), printable))[:MAX_TEXT]


def redact(url: str) -> str:
    """Only scheme, host and port of `url`, because hosted endpoints carry keys in the path, query or user part."""
    scheme, _, rest = url.partition("://")
    host = rest.split("/", 1)[0].split("?", 1)[0].rsplit("@", 1)[-1]
    return f"{scheme}://{host}"
