"""The upstream of the fork: a proxy on a unix socket that passes the fork's reads to the chain's endpoint.

The endpoint's address, which may contain a key, stays in this process. The fork knows the socket's path alone, and the
proxy passes nothing but reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from pydantic_core import from_json, to_json

from sentinel.chain.rpc import Rpc, plain
from sentinel.core.errors import ForkInUse, RpcError
from sentinel.core.host.unix import listener

# What Anvil asks of its upstream at a start, at a move, and while it simulates.
READS = frozenset(
    {
        "eth_blockNumber",
        "eth_chainId",
        "eth_gasPrice",
        "eth_getAccountInfo",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_getStorageAt",
        "eth_getTransactionCount",
    }
)
MAX_REQUEST = 1 << 16  # bytes; Anvil's requests have some hundred
_NOT_ALLOWED = -32601  # JSON-RPC: method not found
_UPSTREAM_FAILED = -32603  # JSON-RPC: internal error
_PARALLEL = 32  # requests that the endpoint serves at the same time
_CHUNK = 1 << 16
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}]')  # whole strings, so that a brace inside one does not count


class ForkUpstream:
    """Use as an async context manager, or call `start()` and `close()`."""

    def __init__(self, path: Path, address: Callable[[], str], *, mode: int = 0o600, timeout: float = 10.0) -> None:
        """`path`: the socket, with permissions `mode`. `address`: returns the endpoint's URL, asked by `turn`.

        `timeout`: seconds for one request to the endpoint.
        """
        self._path = path
        self._address = address
        self._mode = mode
        self._timeout = timeout
        self._rpc: Rpc | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(_PARALLEL)

    async def start(self) -> Self:
        """Listen on the socket. Raises ForkInUse if another process listens there, OSError if it cannot."""
        if await asyncio.to_thread(_somebody_listens, self._path):
            raise ForkInUse(f"another Sentinel uses the fork at {self._path.parent}")
        await self.turn()
        self._server = await asyncio.start_unix_server(self._serve, sock=listener(self._path, self._mode))
        return self

    async def turn(self) -> None:
        """Use the endpoint that is current now. Reads that are still under way at the earlier one fail."""
        url = self._address()
        if self._rpc is None or self._rpc.url != url:
            earlier, self._rpc = self._rpc, Rpc(url, timeout=self._timeout, connections=_PARALLEL)
            if earlier is not None:
                await earlier.close()

    async def close(self) -> None:
        """Stop listening and close every connection. Safe to call twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        if self._rpc is not None:
            await self._rpc.close()
            self._rpc = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._tasks.add(connection)
        buffer = bytearray()
        try:
            with contextlib.suppress(OSError, ValueError):
                while chunk := await reader.read(_CHUNK):
                    buffer += chunk
                    for request in _complete(buffer):
                        task = asyncio.create_task(self._reply(request, writer))
                        self._tasks.add(task)
                        task.add_done_callback(self._tasks.discard)
        except asyncio.CancelledError:
            pass  # `close` ends connections so; the streams' own callback would report it as an error
        finally:
            self._tasks.discard(connection)
            writer.close()

    async def _reply(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            fields = from_json(request)
        except ValueError:
            fields = {}
        async with self._free:
            answer = await self._answer(fields)
        with contextlib.suppress(OSError):
            writer.write(to_json(answer) + b"\n")  # one write, so that replies do not mix
            await writer.drain()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": request.get("id")}
        method, params = request.get("method"), request.get("params")
        if not isinstance(method, str) or method not in READS:
            return reply | {"error": {"code": _NOT_ALLOWED, "message": f"{plain(method)} is not for the fork"}}
        try:
            if self._rpc is None:
                raise RpcError("the proxy is closed")
            return reply | {"result": await self._rpc.call(method, *(params if isinstance(params, list) else []))}
        except RpcError as error:
            # Its own words stay here, because endpoints repeat their keys in them. Anvil repeats a request by the code.
            code = _UPSTREAM_FAILED if error.code is None else error.code
            return reply | {"error": {"code": code, "message": f"the endpoint did not answer {method}"}}


def _complete(buffer: bytearray) -> list[bytes]:
    """Take all complete JSON objects out of `buffer`. Raises ValueError if what remains cannot become a request."""
    requests: list[bytes] = []
    depth = start = end = 0
    for mark in _MARKS.finditer(buffer):
        if mark[0] == b"{":
            depth += 1
            start = mark.start() if depth == 1 else start
        elif mark[0] == b"}":
            depth -= 1
            if depth == 0:
                end = mark.end()
                requests.append(bytes(buffer[start:end]))
    del buffer[:end]
    if len(buffer) > MAX_REQUEST:
        raise ValueError("the request is too large")
    return requests


def _somebody_listens(path: Path) -> bool:
    """Whether a process accepts connections on the socket, and not only a file of an earlier one is left."""
    if not path.exists():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True
