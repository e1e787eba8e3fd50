"""The client of an endpoint on a unix socket, against a server that is slow on purpose."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sentinel.chain.socket_rpc import SocketRpc
from sentinel.core.errors import RpcError


async def test_close_ends_requests_under_way_and_keeps_no_connection(tmp_path: Path) -> None:
    """A reply that would come after `close` is not waited for, and its connection does not stay open."""
    asked, may_answer, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        asked.set()
        await may_answer.wait()
        writer.write(b'{"jsonrpc": "2.0", "id": 1, "result": "0x1"}\n')
        await reader.read()
        gone.set()
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "node.ipc"):
        rpc = SocketRpc(tmp_path / "node.ipc", timeout=5.0)
        call = asyncio.create_task(rpc.call("eth_blockNumber"))
        await asked.wait()
        await rpc.close()
        with pytest.raises(RpcError, match="the connection was closed"):
            await call
        may_answer.set()
        await asyncio.wait_for(gone.wait(), 5.0)
