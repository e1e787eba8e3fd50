"""The client of an endpoint on a unix socket, such as Anvil's --ipc: JSON-RPC with the interface of `rpc.Rpc`.

Each request and each reply is one line of JSON. A connection serves one request at a time.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from sentinel.chain.rpc import MAX_REPLY, Rpc
from sentinel.core.errors import RpcError, RpcTimeout

_CHUNK = 1 << 20  # bytes of one read
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SocketRpc(Rpc):
    """The client of the endpoint that listens on `path`. Use it as an async context manager, or call `close()`."""

    def __init__(self, path: Path, *, timeout: float = 10.0) -> None:
        super().__init__(f"unix://{path}", timeout=timeout)
        self._path = path
        self._idle: list[_Connection] = []
        self._busy: set[asyncio.StreamWriter] = set()

    def __repr__(self) -> str:
        return f"SocketRpc({self._path})"

    async def _exchange(self, body: object, timeout: float | None) -> tuple[Any, None]:
        seconds = timeout or self._timeout
        try:
            async with asyncio.timeout(seconds):
                raw = await self._line(to_json(body) + b"\n")
        except TimeoutError as error:
            raise RpcTimeout(f"{self._path.name}: no reply within {seconds:g} s") from error
        except OSError as error:
            raise RpcError(f"{self._path.name}: {type(error).__name__}: {error.strerror}") from error
        try:
            return from_json(raw, cache_strings="keys"), None
        except ValueError as error:
            raise RpcError(f"{self._path.name}: reply is not JSON: {bytes(raw[:80])!r}") from error

    async def _line(self, request: bytes) -> bytearray:
        """The reply to one request. A connection that fails, or whose reply was not awaited, is not used again."""
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_unix_connection(self._path)
        reply = bytearray()
        self._busy.add(writer)
        try:
            writer.write(request)
            await writer.drain()
            while not reply.endswith(b"\n"):
                chunk = await reader.read(_CHUNK)
                reply += chunk
                if not chunk:
                    raise ConnectionResetError(0, "the connection was closed before the reply ended")
                if len(reply) > MAX_REPLY:
                    raise ConnectionResetError(0, f"the reply is too large: more than {MAX_REPLY} bytes")
        except BaseException:
            writer.close()
            raise
        finally:
            self._busy.discard(writer)
        if not writer.is_closing():
            self._idle.append((reader, writer))
        return reply

    async def close(self) -> None:
        """Close the connections; requests under way fail. A later request opens a new one."""
        for writer in (*self._busy, *(writer for _, writer in self._idle)):
            writer.close()
        self._idle.clear()
        await asyncio.sleep(0)
