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
from typing import Any, NamedTuple, Self

from pydantic_core import from_json, to_json

from sentinel.chain.rpc import Call, Rpc, plain
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
_NO_SUCH_METHOD = -32601  # JSON-RPC
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
        self._unknown: set[str] = set()  # reads that the endpoint does not have

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
            self._unknown.clear()
            earlier, self._rpc = self._rpc, Rpc(url, timeout=self._timeout, connections=_PARALLEL)
            if earlier is not None:
                await earlier.close()

    async def close(self) -> None:
        """Stop listening and close every connection. Safe to call twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)
            await asyncio.sleep(0)  # a connection that was accepted just now begins, so that it is ended below
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
                    if requests := _complete(buffer):
                        task = asyncio.create_task(self._reply(requests, writer))
                        self._tasks.add(task)
                        task.add_done_callback(self._tasks.discard)
        except asyncio.CancelledError:
            pass  # `close` ends connections so; the streams' own callback would report it as an error
        finally:
            self._tasks.discard(connection)
            writer.close()

    async def _reply(self, requests: list[bytes], writer: asyncio.StreamWriter) -> None:
        """Answer requests that came together. The endpoint gets them as one batch, because each HTTP request costs."""
        calls = [_read(request) for request in requests]
        passed: list[Call] = [(call.method, call.params) for call in calls if self._passes(call.method)]
        async with self._free:
            answers = iter(await self._ask(passed))
        replies = [
            self._encoded(call, next(answers)) if self._passes(call.method) else _refused(call) for call in calls
        ]
        with contextlib.suppress(OSError):
            writer.write(b"".join(replies))  # one write, so that replies do not mix
            await writer.drain()

    def _passes(self, method: str) -> bool:
        return method in READS and method not in self._unknown

    async def _ask(self, calls: list[Call]) -> list[Any]:
        """The result of each call, or the RpcError in its place."""
        try:
            if self._rpc is None:
                raise RpcError("the proxy is closed")
            return (
                [await self._rpc.call(calls[0][0], *calls[0][1])] if len(calls) == 1 else await self._rpc.batch(calls)
            )
        except RpcError as error:
            return [error] * len(calls)

    def _encoded(self, call: _Request, answer: Any) -> bytes:
        if not isinstance(answer, RpcError):
            return to_json({"jsonrpc": "2.0", "id": call.id, "result": answer}) + b"\n"
        if answer.code == _NO_SUCH_METHOD:
            self._unknown.add(call.method)
        # Its own words stay here, because endpoints repeat their keys in them. Anvil repeats a request by the code.
        code = _UPSTREAM_FAILED if answer.code is None else answer.code
        return _error(call, code, f"the endpoint did not answer {call.method}")


class _Request(NamedTuple):
    id: object
    method: str
    params: list[Any]


def _read(text: bytes) -> _Request:
    """The request; without a method if it is none that can be understood."""
    try:
        fields = from_json(text)
    except ValueError:
        return _Request(None, "", [])
    method, params = fields.get("method"), fields.get("params")
    return _Request(
        fields.get("id"), method if isinstance(method, str) else "", params if isinstance(params, list) else []
    )


def _refused(call: _Request) -> bytes:
    return _error(call, _NO_SUCH_METHOD, f"{plain(call.method)} is not for the fork")


def _error(call: _Request, code: int, message: str) -> bytes:
    return to_json({"jsonrpc": "2.0", "id": call.id, "error": {"code": code, "message": message}}) + b"\n"


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
