"""The fault proxy: speaks JSON-RPC to the daemon, asks the node behind it, and applies its faults."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from aiohttp import web

from lab.faults.fault_effects import AlteredReply, Exchange, FaultEffect, plain
from lab.faults.mempool import GethPool, Rejected

SEND = "eth_sendRawTransaction"
REORGS = ("anvil_reorg", "anvil_rollback", "evm_revert", "anvil_revert")


@dataclass(slots=True)
class ProxyFault:
    """When an effect applies."""

    method: str  # "*" means any
    effect: FaultEffect
    times: int | None  # remaining times; None means without limit
    share: float  # of the requests with that method
    skip: int = 0  # number of requests that pass before the first fault


class FaultProxy:
    """The proxy, an async context manager. Faults are checked in the order in which they were added.

    `calls` counts requests by method, `offered` lists all raw transactions, and `hits` counts effects by name.
    """

    def __init__(self, upstream: str, *, seed: int = 0, geth: bool = True) -> None:
        """`geth` puts geth's pool rules in front of the node. Clear it if several proxies share one node."""
        self.upstream = upstream
        self.url = ""
        self.faults: list[ProxyFault] = []
        self.calls: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.offered: list[str] = []
        self.pool = GethPool(self.ask) if geth else None
        self._random = random.Random(seed)
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    def add(
        self, method: str, effect: FaultEffect, *, times: int | None = None, share: float = 1.0, skip: int = 0
    ) -> ProxyFault:
        """Add a fault, which applies from now on. Pass the result to `remove` to end it."""
        fault = ProxyFault(method, effect, times, share, skip)
        self.faults.append(fault)
        return fault

    def remove(self, fault: ProxyFault) -> None:
        """End a fault."""
        self.faults.remove(fault)

    async def ask(self, method: str, params: list[Any]) -> Any:
        """The node's own result, without any fault. Raises Rejected with the message of its error."""
        reply = json.loads(await self._forward({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        if "error" in reply:
            raise Rejected(reply["error"]["message"])
        return reply["result"]

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked = body if isinstance(body, list) else [body]
        self.calls.update(call["method"] for call in asked)
        self.offered += [call["params"][0] for call in asked if call["method"] == SEND]
        due = self._due({call["method"] for call in asked})
        self.hits.update(type(effect).__name__ for effect in due)
        lies = [effect for effect in due if isinstance(effect, AlteredReply)]

        async def ask() -> bytes:
            reply = await self._node(body)
            for lie in lies:
                reply = lie.twisted(exchange, reply)
            return reply

        exchange = Exchange(request, asked, isinstance(body, list), ask)
        last = due[-1] if due else None
        return plain(await ask()) if last is None or isinstance(last, AlteredReply) else await last.answer(exchange)

    def _due(self, methods: set[str]) -> list[FaultEffect]:
        """The effects that apply now: all due AlteredReply, then at most one other effect."""
        due: list[FaultEffect] = []
        for fault in self.faults:
            if fault.times == 0 or (fault.method != "*" and fault.method not in methods):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.share < 1.0 and self._random.random() >= fault.share:
                continue
            fault.times = None if fault.times is None else fault.times - 1
            due.append(fault.effect)
            if not isinstance(fault.effect, AlteredReply):
                break
        return due

    async def _node(self, body: Any) -> bytes:
        """The reply of a node with this pool."""
        if self.pool is not None and isinstance(body, dict) and body["method"] == SEND:
            answer: dict[str, Any]
            try:
                answer = {"result": await self.pool.offer(body["params"][0])}
            except Rejected as error:
                answer = {"error": {"code": -32000, "message": str(error)}}
            return json.dumps({"jsonrpc": "2.0", "id": body["id"], **answer}).encode()
        if self.pool is not None and self.pool.waiting:
            await self.pool.repool()
        reply = await self._forward(body)
        if self.pool is not None and isinstance(body, dict) and body["method"] in REORGS:
            await self.pool.repool()
        return reply

    async def _forward(self, body: Any) -> bytes:
        assert self._session is not None
        async with self._session.post(self.upstream, json=body) as upstream:
            return await upstream.read()
