"""A node in front of the node that fails on purpose: replies lost after the fact, errors in other nodes' words."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web


@dataclass
class Fault:
    method: str
    times: int
    forward: bool  # does the request still reach the node?
    error: dict[str, Any] | None = None  # answered instead; None: the connection is cut without a reply
    body: str | None = None  # answered raw, e.g. an HTML page


@dataclass
class Proxy:
    upstream: str
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  # raw transactions that were offered

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        async with aiohttp.ClientSession() as self._session:
            app = web.Application(client_max_size=2**24)
            app.router.add_post("/", self._handle)
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked = body if isinstance(body, list) else [body]
        self.seen += [call["params"][0] for call in asked if call["method"] == "eth_sendRawTransaction"]
        fault = next((f for f in self.faults if f.times > 0 and any(c["method"] == f.method for c in asked)), None)
        if fault is None or fault.forward:
            async with self._session.post(self.upstream, json=body) as upstream:
                reply = await upstream.read()
        if fault is None:
            return web.Response(body=reply, content_type="application/json")
        fault.times -= 1
        if fault.body is not None:
            return web.Response(text=fault.body, content_type="text/html")
        if fault.error is not None:
            text = json.dumps({"jsonrpc": "2.0", "id": asked[0]["id"], "error": fault.error})
            return web.Response(text=text, content_type="application/json")
        if request.transport is not None:
            request.transport.close()
        return web.Response()
