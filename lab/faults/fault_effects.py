"""What may go wrong with one HTTP exchange between the daemon and its node.

An effect is given the exchange and answers in the node's place. Whether the request reached the node is its own
matter: a reply that is lost after the fact is another fault than a request that never arrived.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web
from eth_utils.crypto import keccak

Asked = list[dict[str, Any]]  # the calls of one request, also where it is no batch


@dataclass(slots=True)
class Exchange:
    request: web.Request
    asked: Asked
    batch: bool
    ask: Callable[[], Awaitable[bytes]]  # the node's own reply; each call asks it once

    def reply(self, items: list[dict[str, Any]]) -> bytes:
        return json.dumps(items if self.batch else items[0]).encode()


class FaultEffect(Protocol):
    async def answer(self, exchange: Exchange) -> web.StreamResponse: ...


def plain(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def reset(exchange: Exchange) -> web.Response:
    """The connection ends here, with no further byte."""
    if exchange.request.transport is not None:
        exchange.request.transport.abort()
    return web.Response()


@dataclass(frozen=True, slots=True)
class CutRequest:
    """The request never arrives: the connection is reset."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        return reset(exchange)


@dataclass(frozen=True, slots=True)
class LostReply:
    """The node does what it is asked, and nobody hears of it."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        await exchange.ask()
        return reset(exchange)


@dataclass(frozen=True, slots=True)
class CutReply:
    """The connection is reset in the middle of the reply's body."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        body = await exchange.ask()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        await response.prepare(exchange.request)
        await response.write(body[: len(body) // 2])
        reset(exchange)
        return response


@dataclass(frozen=True, slots=True)
class DelayedReply:
    """The node is asked, and answers so many seconds later."""

    seconds: float

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        body = await exchange.ask()
        await asyncio.sleep(self.seconds)
        return plain(body)


@dataclass(frozen=True, slots=True)
class SlowReply:
    """The reply comes byte by byte, `pause` seconds apart."""

    pause: float

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        body = await exchange.ask()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(exchange.request)
        for byte in body:
            await response.write(bytes([byte]))
            await asyncio.sleep(self.pause)
        return response


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """A gateway's answer by HTTP status; the node is not asked."""

    status: int
    text: str = "<html><body>try again later</body></html>"

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        return web.Response(status=self.status, text=self.text, content_type="text/html")


@dataclass(frozen=True, slots=True)
class OtherBody:
    """Something else under status 200: a page, `null`, nothing. `forward`: the node was asked all the same."""

    body: bytes
    forward: bool = True

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        if self.forward:
            await exchange.ask()
        return plain(self.body)


@dataclass(frozen=True, slots=True)
class TruncatedReply:
    """The first half of the true reply, as if that were all."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        body = await exchange.ask()
        return plain(body[: len(body) // 2])


@dataclass(frozen=True, slots=True)
class OversizedReply:
    """A reply of so many bytes that is good JSON."""

    size: int

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        await exchange.ask()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(exchange.request)
        await response.write(b'{"jsonrpc":"2.0","id":1,"result":"')
        piece, left = b"0" * 2**20, self.size
        while left > 0:
            await response.write(piece[:left])
            left -= len(piece)
        await response.write(b'"}')
        return response


@dataclass(frozen=True, slots=True)
class RpcErrorReply:
    """A JSON-RPC error in the words of some node. `forward`: it took the request all the same."""

    code: int
    message: str
    forward: bool = False

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        if self.forward:
            await exchange.ask()
        said = {"code": self.code, "message": self.message}
        return plain(exchange.reply([{"jsonrpc": "2.0", "id": call["id"], "error": said} for call in exchange.asked]))


@dataclass(frozen=True, slots=True)
class SwallowedSend:
    """The node says yes to signed bytes and forgets them."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        hashes = ["0x" + keccak(hexstr=call["params"][0]).hex() for call in exchange.asked]
        told = [{"jsonrpc": "2.0", "id": call["id"]} for call in exchange.asked]
        return plain(exchange.reply([{**item, "result": tx} for item, tx in zip(told, hashes, strict=True)]))


Change = Callable[[dict[str, Any], Any], Any]  # a call and its true result -> what is said instead


@dataclass(frozen=True, slots=True)
class AlteredReply:
    """The node's own reply with the results of some methods changed; several lies are told together."""

    changes: dict[str, Change] = field(default_factory=dict)

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        return plain(self.twisted(exchange, await exchange.ask()))

    def twisted(self, exchange: Exchange, body: bytes) -> bytes:
        told = json.loads(body)
        items = told if exchange.batch else [told]
        calls = {call["id"]: call for call in exchange.asked}
        for item in items:
            call = calls[item["id"]]
            if "result" in item and (change := self.changes.get(call["method"])) is not None:
                item["result"] = change(call, item["result"])
        return exchange.reply(items)
