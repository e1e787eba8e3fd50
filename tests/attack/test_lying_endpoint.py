"""What an endpoint may answer at worst: an RpcError, bounded and without the keys that stand in its address."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from sentinel.chain import rpc as rpc_module
from sentinel.chain.head_watch import HeadTimes
from sentinel.chain.heads import HeadStream, parse_head
from sentinel.chain.rpc import MAX_TEXT, Rpc, quantity
from sentinel.core.errors import RpcError, Unavailable

pytestmark = pytest.mark.attack("a node that lies", "contained")

SECRET = "f00dfeedf00dfeed"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def endpoint(handler: Handler) -> AsyncIterator[str]:
    """Its address, with a key in the path as hosted endpoints have it."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v3/{SECRET}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def raw_endpoint(reply: bytes) -> AsyncIterator[str]:
    """A socket that answers with these bytes, whatever they are."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v3/{SECRET}"
    finally:
        server.close()


def said(body: str | bytes, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        data = body.encode() if isinstance(body, str) else body
        return web.Response(body=data, headers={"Content-Type": "application/json", **headers})

    return handler


BODIES = {
    "nested without end": "[" * 200_000,
    "an unhashable id": '[{"id": [1], "result": "0x1"}, {"id": {}, "result": "0x1"}]',
    "no answer at all": "[]",
    "an object": '{"id": 1, "error": {"code": -32005, "message": "slow down"}}',
    "items of other kinds": '[1, null, "x", [], true]',
    "a number too long": '[{"id": 1, "result": ' + "9" * 5_000 + "}]",
    "not UTF-8": b"[\xff\xfe]",
    "nothing": "",
    "a page": "<html>Too many requests</html>",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_no_reply_to_a_batch_is_more_than_an_rpc_error(body: str | bytes) -> None:
    """For one call and for many."""
    async with endpoint(said(body)) as url, Rpc(url) as rpc:
        with pytest.raises(RpcError):
            await rpc.batch([("eth_chainId", []), ("eth_chainId", [])])
        with pytest.raises(RpcError):
            await rpc.call("eth_chainId")


async def test_a_reply_is_measured_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunked or compressed reply says no length; it is dropped once it is too large."""
    monkeypatch.setattr(rpc_module, "MAX_REPLY", 100_000)

    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1_000):
                await response.write(b" " * 10_000)
        return response

    for handler in (chunked, said(gzip.compress(b" " * 10_000_000), **{"Content-Encoding": "gzip"})):
        async with endpoint(handler) as url, Rpc(url) as rpc:
            with pytest.raises(RpcError, match="too large"):
                await rpc.call("eth_chainId")


async def test_signed_bytes_are_not_sent_on_to_another_host() -> None:
    """A redirect is an error of the endpoint; where it points to is asked nothing."""
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(await request.text())
        return web.json_response({"jsonrpc": "2.0", "id": 1, "result": "0x"})

    async with endpoint(elsewhere) as other:

        async def redirect(_: web.Request) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(other)

        async with endpoint(redirect) as url, Rpc(url) as rpc:
            with pytest.raises(RpcError):
                await rpc.call("eth_sendRawTransaction", "0x00")
    assert asked == []


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/9.9 \xff\xff\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: ::::\r\n\r\n",
        b"\x00" * 100,
        b"",
    ],
)
async def test_a_broken_reply_tells_no_key(reply: bytes) -> None:
    """The HTTP library's errors name the whole address; ours name scheme, host and port."""
    async with raw_endpoint(reply) as url, Rpc(url) as rpc:
        with pytest.raises(RpcError) as caught:
            await rpc.call("eth_chainId")
    assert SECRET not in str(caught.value)


async def test_what_a_node_says_is_short_and_printable() -> None:
    """Lone surrogates fit into no database, and a message may be megabytes or hold the key of an upstream."""
    for message in (
        "\ud800\udfff",
        "x" * 1_000_000,
        "\x1b[2J\n",
        f"failed: https://up.example/v3/{SECRET}",
        ["\ud800"],
    ):
        body = json.dumps({"id": 1, "error": {"code": "seven", "message": message}})
        async with endpoint(said(body)) as url, Rpc(url) as rpc:
            with pytest.raises(RpcError) as caught:
                await rpc.call("x")
        text = str(caught.value)
        assert text.isascii()
        assert text.isprintable()
        assert len(text) < MAX_TEXT + 20
        assert SECRET not in text
        assert caught.value.code is None


async def test_a_refused_subscription_tells_no_key() -> None:
    """A hosted endpoint that answers 429 to the handshake: the log names the host, not the key."""

    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429)

    async with endpoint(busy) as url, Rpc(url) as rpc:
        stream = HeadStream(rpc, (url.replace("http://", "ws://"),), times=HeadTimes.of(0.25))
        heads = aiter(stream)
        with capture_logs() as lines, pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(heads), 0.5)
        assert stream.reconnects >= 1
    shown = str(lines)
    assert "heads.reconnect" in shown
    assert SECRET not in shown


BLOCK = {
    "number": "0x7",
    "hash": "0x" + "ab" * 32,
    "parentHash": "0x" + "ac" * 32,
    "timestamp": "0x6123",
    "baseFeePerGas": "0x3b9aca00",
    "gasLimit": "0x1c9c380",
    "miner": "0x" + "00" * 20,
    "mixHash": "0x" + "00" * 32,
}
OPTIONAL = ("baseFeePerGas", "mixHash")  # absent before London and Paris
LIES: list[object] = ["0xzz", "0x" + "f" * 70, "-0x5", "", "7" * 300, [], {}, 1.5, True, "0x" + "f" * 20, "\ud800"]


@pytest.mark.parametrize("name", [name for name in BLOCK if name not in OPTIONAL])
@pytest.mark.parametrize("lie", LIES, ids=[str(i) for i in range(len(LIES))])
def test_a_lying_block_is_no_head(name: str, lie: object) -> None:
    """Hashes are 32 bytes, numbers fit into what they are stored in; everything else is an RpcError."""
    with pytest.raises(RpcError):
        parse_head({**BLOCK, name: lie})
    for optional in OPTIONAL:
        if lie:
            with pytest.raises(RpcError):
                parse_head({**BLOCK, optional: lie if lie != "0x" + "f" * 20 else -1})


@pytest.mark.parametrize("lie", [None, "0x", "-1", "0x1" + "0" * 64, [], "nan", "1e+5"])
def test_a_quantity_is_a_number_within_its_bits(lie: object) -> None:
    """Else an RpcError, which is Unavailable: the cycle holds."""
    with pytest.raises(Unavailable):
        quantity(lie)
    assert quantity("0x" + "f" * 64) == 2**256 - 1
