"""Fault effects: what can go wrong with one HTTP exchange between the daemon and its node.

An effect gets the exchange and answers in the node's place. Each effect decides whether the request reaches the node,
because a lost reply is another fault than a request that never arrived.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web
from eth_utils.crypto import keccak

Asked = list[dict[str, Any]]  # the calls of one request, batch or not


@dataclass(slots=True)
class Exchange:
    """One request of the daemon."""

    request: web.Request
    asked: Asked
    batch: bool
    ask: Callable[[], Awaitable[bytes]]  # asks the node once and returns its reply

    def reply(self, items: list[dict[str, Any]]) -> bytes:
        """`items` as the body of a reply: a list for a batch, else the only item."""
        return json.dumps(items if self.batch else items[0]).encode()


class FaultEffect(Protocol):
    """Answers an exchange in the node's place."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse: ...


def plain(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def reset(exchange: Exchange) -> web.Response:
    """Reset the connection; no more bytes are sent."""
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
    """The node executes the request, but its reply is lost."""

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
    """The node's reply is delayed by `seconds`."""

    seconds: float

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        body = await exchange.ask()
        await asyncio.sleep(self.seconds)
        return plain(body)


@dataclass(frozen=True, slots=True)
class SlowReply:
    """The reply is sent byte by byte, with `pause` seconds between bytes."""

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
    """A gateway answers with an HTTP status; the node is not asked."""

    status: int
    text: str = "<html><body>try again later</body></html>"
    retry_after: str = ""  # header of that name

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        headers = {"Retry-After": self.retry_after} if self.retry_after else None
        return web.Response(status=self.status, text=self.text, content_type="text/html", headers=headers)


@dataclass(frozen=True, slots=True)
class OtherBody:
    """Another body with status 200, such as a page, `null` or nothing. `forward`: the node gets the request anyway."""

    body: bytes
    forward: bool = True

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        if self.forward:
            await exchange.ask()
        return plain(self.body)


@dataclass(frozen=True, slots=True)
class TruncatedReply:
    """The first half of the true reply, with a matching length."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        body = await exchange.ask()
        return plain(body[: len(body) // 2])


@dataclass(frozen=True, slots=True)
class OversizedReply:
    """A valid JSON reply of `size` bytes."""

    size: int

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        await exchange.ask()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(exchange.request)
        await response.write(b'{"jsonrpc":"2.0","id":1,"result":"')
        piece, remaining = b"0" * 2**20, self.size
        while remaining > 0:
            await response.write(piece[:remaining])
            remaining -= len(piece)
        await response.write(b'"}')
        return response


@dataclass(frozen=True, slots=True)
class RpcErrorReply:
    """A JSON-RPC error as some node words it. `forward`: the node gets the request anyway."""

    code: int
    message: str
    forward: bool = False

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        if self.forward:
            await exchange.ask()
        error = {"code": self.code, "message": self.message}
        return plain(exchange.reply([{"jsonrpc": "2.0", "id": call["id"], "error": error} for call in exchange.asked]))


@dataclass(frozen=True, slots=True)
class RefusedCalls:
    """The node's reply, with a JSON-RPC error in the place of some calls.

    `method` names the calls, or the first parameter of them, such as `finalized`; None means all.
    """

    code: int
    message: str
    method: str | None = None

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        reply = json.loads(await exchange.ask())
        items = {item["id"]: item for item in (reply if exchange.batch else [reply])}
        error = {"code": self.code, "message": self.message}
        for call in exchange.asked:
            if self.method in (None, call["method"], *call["params"][:1]):
                items[call["id"]] = {"jsonrpc": "2.0", "id": call["id"], "error": error}
        return plain(exchange.reply([items[call["id"]] for call in exchange.asked]))


@dataclass(frozen=True, slots=True)
class SwallowedSend:
    """The node accepts signed bytes and drops them."""

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        hashes = ["0x" + keccak(hexstr=call["params"][0]).hex() for call in exchange.asked]
        replies = [{"jsonrpc": "2.0", "id": call["id"]} for call in exchange.asked]
        return plain(exchange.reply([{**item, "result": tx} for item, tx in zip(replies, hashes, strict=True)]))


Change = Callable[[dict[str, Any], Any], Any]  # a call and its true result -> the false result


@dataclass(frozen=True, slots=True)
class AlteredReply:
    """The node's reply with the results of some methods changed. Several such effects combine."""

    changes: dict[str, Change] = field(default_factory=dict)

    async def answer(self, exchange: Exchange) -> web.StreamResponse:
        return plain(self.twisted(exchange, await exchange.ask()))

    def twisted(self, exchange: Exchange, body: bytes) -> bytes:
        """`body` with the changes applied."""
        reply = json.loads(body)
        items = reply if exchange.batch else [reply]
        calls = {call["id"]: call for call in exchange.asked}
        for item in items:
            call = calls[item["id"]]
            if "result" in item and (change := self.changes.get(call["method"])) is not None:
                item["result"] = change(call, item["result"])
        return exchange.reply(items)
