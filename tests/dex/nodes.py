"""A node before the real one that answers as another would, call by call; and toolkits that simulate on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from aiohttp import ClientSession, web

from lab.bench.mined_effects import effect
from sentinel.chain.rpc import Rpc
from sentinel.core.actions import Candidate
from sentinel.core.market_state import MarketState
from sentinel.core.simulation import Simulation
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.toolkit import DexToolkit
from tests.frozen import wait_until_stopped

from .conftest import Desk, candidates

Call = dict[str, Any]  # one JSON-RPC request
Reply = dict[str, Any]  # one JSON-RPC reply
METHOD = "eth_simulateV1"
NOT_FOUND = {"code": -32601, "message": "the method eth_simulateV1 does not exist/is not available"}


class Disguise:
    """`twist` is given each eth_simulateV1 call with the real node's reply, and gives what is answered."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.url = ""
        self.twist: Callable[[Call, Reply], Reply] = lambda call, reply: reply
        self.ask: Callable[[Call], Call] = lambda call: call  # what the real node is asked in its place
        self.delay = 0.0  # seconds before each request
        self.down = False  # every request is cut
        self.calls: list[Call] = []  # of eth_simulateV1

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Disguise]:
        async with ClientSession() as self._session:
            app = web.Application(client_max_size=1 << 26)
            app.router.add_post("/{key:.*}", self._handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}"
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(self.delay)
        if self.down:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        calls: list[Call] = body if isinstance(body, list) else [body]
        self.calls += [call for call in calls if call["method"] == METHOD]
        asked = [self.ask(call) if call["method"] == METHOD else call for call in calls]
        async with self._session.post(self.target, json=asked) as answer:
            replies: list[Reply] = await answer.json()
        told = [
            self.twist(call, reply) if call["method"] == METHOD else reply
            for call, reply in zip(calls, replies, strict=True)
        ]
        return web.json_response(told if isinstance(body, list) else told[0])


def refusing(call: Call, _: Reply) -> Reply:
    """A node that never heard of the method."""
    return {"jsonrpc": "2.0", "id": call["id"], "error": NOT_FOUND}


def as_geth(call: Call, reply: Reply) -> Reply:
    """The form that geth, reth, Erigon, Nethermind and Besu give: the real parent and prevRandao in the header, revert
    data in the call's error alone, no logs beside a failure, fields that Anvil lacks."""
    asked = call["params"]
    parent = asked[1]["blockHash"]
    for state, block in zip(asked[0]["blockStateCalls"], reply.get("result", ()), strict=False):
        block |= {"parentHash": parent, "mixHash": state["blockOverrides"]["prevRandao"]}
        parent = block["hash"]
        for one in block["calls"]:
            one["maxUsedGas"] = one["gasUsed"]
            if one["status"] == "0x0":
                data = one["returnData"]
                one |= {"returnData": "0x", "error": {"code": 3, "message": "execution reverted", "data": data}}
                del one["logs"]
    return reply


def some(desk: Desk, state: MarketState) -> list[Candidate]:
    """One that succeeds and one that reverts."""
    good = desk.build.swap(state, "WETH", "USDC", 0.3, "v3-500")
    return candidates(good, replace(good, min_out=10**18))


def effects(found: tuple[Simulation, ...]) -> list[tuple[object, ...]]:
    return [effect(simulation) for simulation in found]


def where(found: tuple[Simulation, ...]) -> set[str]:
    return {simulation.where for simulation in found}


@contextlib.asynccontextmanager
async def alone(desk: Desk, url: str, timeout: float = 5.0) -> AsyncIterator[DexToolkit]:
    """A toolkit without a fork."""
    async with Rpc(url) as rpc:
        yield DexToolkit(desk.network, None, node=NodeSimulation(desk.network, rpc, timeout=timeout))


@contextlib.asynccontextmanager
async def both(desk: Desk, upstream: str, url: str, timeout: float) -> AsyncIterator[tuple[DexToolkit, Fork]]:
    """A toolkit on a fork of `upstream`, with the node at `url` to stand in."""
    async with Rpc(url) as rpc, Fork(desk.network, upstream, timeout=timeout) as fork:
        yield DexToolkit(desk.network, fork, node=NodeSimulation(desk.network, rpc, timeout=timeout)), fork


def freeze(fork: Fork) -> int:
    """SIGSTOP, and wait until the last of its threads has stopped; the process."""
    assert fork.pid is not None
    os.kill(fork.pid, signal.SIGSTOP)
    wait_until_stopped(fork.pid)
    return fork.pid
