"""Subscriptions that live and tell nothing: a WebSocket proxy before a real node, at the times of 500 ms blocks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from sentinel.chain.anvil import start_anvil
from sentinel.chain.head_watch import HeadTimes
from sentinel.chain.heads import HeadStream
from sentinel.chain.rpc import Rpc
from sentinel.core.market_state import Head
from sentinel.daemon.latest import Latest
from tests.attack_tally import Tries

BLOCK, SECONDS = 0.5, 8.0
Passes = Callable[[list[str]], list[str]]  # notices so far, the newest last -> what the client gets of it


@dataclass
class Proxy:
    """A WebSocket between a client and the node. It answers pings itself."""

    node: str
    passes: Passes
    connections: list[float] = field(default_factory=list)
    pings: int = 0

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        self.connections.append(asyncio.get_running_loop().time())
        client = web.WebSocketResponse(autoping=False)
        await client.prepare(request)
        async with aiohttp.ClientSession() as session, session.ws_connect(self.node) as node:

            async def up() -> None:
                async for message in client:
                    if message.type is aiohttp.WSMsgType.PING:
                        self.pings += 1
                        await client.pong(message.data)
                    else:
                        await node.send_str(message.data)

            sending = asyncio.create_task(up())
            notices: list[str] = []
            try:
                async for message in node:
                    if json.loads(message.data).get("method") != "eth_subscription":
                        await client.send_str(message.data)
                        continue
                    notices.append(message.data)
                    for text in self.passes(notices):
                        await client.send_str(text)
            except (aiohttp.ClientError, ConnectionError):
                pass
            finally:
                sending.cancel()
        return client

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()


KINDS: dict[str, Passes] = {
    "answers pings, drops every head": lambda notices: [],
    "repeats the first head": lambda notices: notices[:1],
    "gives each third head": lambda notices: notices[-1:] if len(notices) % 3 == 0 else [],
    "tells something else all the time": lambda notices: ['{"jsonrpc":"2.0","id":9,"result":true}'] * 3,
    "lags by eight blocks": lambda notices: notices[-9:-8],
}


@pytest.mark.attack("a timer that something else restarts", "contained")
async def test_heads_go_on_whatever_the_subscription_does(tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five bad subscriptions beside one node with 500 ms blocks: at least 80 % of the blocks come to each cycle, at
    most one connection in 15 s is made, and at most one line is logged (longer: `tests/chain/test_head_watch.py`)."""
    monkeypatch.setattr("sentinel.chain.heads._HEARTBEAT", 0.5)  # so that pongs come as often, by blocks, as at 12 s
    child, url = await start_anvil(arguments=["--accounts", "1", "--no-mining"])
    proxies = {name: Proxy(url.replace("http", "ws", 1), passes) for name, passes in KINDS.items()}
    slots = {name: Latest[Head]() for name in KINDS}
    taken: dict[str, list[int]] = {name: [] for name in KINDS}  # heads that came to a cycle

    async def read(name: str, rpc: Rpc) -> None:
        async with proxies[name].served() as ws:
            async for head in HeadStream(rpc, (ws,), times=HeadTimes.of(BLOCK)):
                slots[name].put(head)

    async def cycles(name: str) -> None:
        head: Head | None = None
        while (head := await slots[name].after(head)) is not None:
            taken[name].append(head.number)

    async def mine(rpc: Rpc) -> int:
        loop = asyncio.get_running_loop()
        start, made = loop.time(), 0
        while loop.time() < start + SECONDS:
            await rpc.call("evm_mine")
            made += 1
            await asyncio.sleep(max(0.0, start + made * BLOCK - loop.time()))
        return made

    try:
        with capture_logs() as lines:
            async with Rpc(url) as rpc:
                readers = [asyncio.create_task(read(name, rpc)) for name in KINDS]
                readers += [asyncio.create_task(cycles(name)) for name in KINDS]
                await asyncio.sleep(0.5)
                made = await mine(rpc)
                for reader in readers:
                    reader.cancel()
                await asyncio.gather(*readers, return_exceptions=True)
    finally:
        await child.stop()
    silent = [line["event"] for line in lines if line["log_level"] == "warning"]
    for name, numbers in taken.items():
        assert len(set(numbers)) >= 0.8 * made, (name, len(set(numbers)), made)
        assert len(proxies[name].connections) == 1, name
        tries.contained()
    assert proxies["answers pings, drops every head"].pings > 1
    assert len(silent) <= len(KINDS)
