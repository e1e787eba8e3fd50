"""A hosted endpoint before a local node: its key stands in the address, and it repeats that key when it complains."""

from __future__ import annotations

import asyncio
from typing import Self

import aiohttp
from aiohttp import web


class Hosted:
    """Use as an async context manager. `complaints`: so many of the next requests are answered by one."""

    def __init__(self, http: str, ws: str, in_path: str, in_query: str) -> None:
        self._http, self._ws = http, ws
        self._in_path, self._in_query = in_path, in_query
        self.complaints = 0
        self.answered = 0  # requests with the right key
        self.url = self.ws_url = ""
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v2/{key}", self._answer)
        app.router.add_get("/v2/{key}", self._follow)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        place = f"127.0.0.1:{self._runner.addresses[0][1]}/v2/{self._in_path}?apikey={self._in_query}"
        self.url, self.ws_url = f"http://{place}", f"ws://{place}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._session.close()
        await self._runner.cleanup()

    def _known(self, request: web.Request) -> bool:
        return (request.match_info["key"], request.query.get("apikey")) == (self._in_path, self._in_query)

    async def _answer(self, request: web.Request) -> web.Response:
        asked = await request.json()
        first = asked[0] if isinstance(asked, list) else asked
        if not self._known(request):
            return web.Response(status=403)
        self.answered += 1
        if self.complaints > 0:
            self.complaints -= 1
            said = f"project {self._in_path} ({self._in_query}) is over its rate: see {self.url}"
            error = {"jsonrpc": "2.0", "id": first["id"], "error": {"code": -32000, "message": said}}
            return web.json_response([error] if isinstance(asked, list) else error)
        assert self._session is not None
        async with self._session.post(self._http, json=asked) as reply:
            return web.Response(body=await reply.read(), content_type="application/json")

    async def _follow(self, request: web.Request) -> web.StreamResponse:
        if not self._known(request):
            return web.Response(status=403)
        ours = web.WebSocketResponse()
        await ours.prepare(request)
        assert self._session is not None
        async with self._session.ws_connect(self._ws) as theirs:
            there, back = asyncio.create_task(_pass_on(ours, theirs)), asyncio.create_task(_pass_on(theirs, ours))
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            for one in (there, back):
                one.cancel()
        return ours


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pass_on(source: Socket, sink: Socket) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
