"""The fork belongs to Sentinel alone: neither web pages nor other users reach it, it knows no key, and it confirms
nothing if the node can."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sentinel.chain.fork_upstream import MAX_REQUEST
from sentinel.chain.heads import latest_head
from sentinel.core.errors import ForkUnavailable
from sentinel.core.host.namespaces import without_network
from sentinel.dex.simulating.fork import UPSTREAM, Fork
from sentinel.market import Devnet
from tests.attack.keyed import Hosted
from tests.attack.searched import found_in, seen_by_others, written
from tests.attack_tally import Tries

pytestmark = pytest.mark.attack("the fork from outside", "contained")

EVIL = {"Origin": "http://evil.example"}
NODE_INFO = {"jsonrpc": "2.0", "id": 1, "method": "anvil_nodeInfo", "params": []}
PATH_KEY, QUERY_KEY = "canary-path-8c1f02be", "canary-query-4471d9ea"


async def as_a_page(port: int) -> set[str]:
    """Every way in which a web page can try to talk to a port of this machine; those that were served."""
    url, text, served = f"http://127.0.0.1:{port}/", json.dumps(NODE_INFO), set()
    timeout = aiohttp.ClientTimeout(total=2.0)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        with contextlib.suppress(aiohttp.ClientError):
            asks = EVIL | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
            async with session.options(url, headers=asks) as reply:
                if reply.status < 300 or any(name.lower().startswith("access-control") for name in reply.headers):
                    served.add("preflight")
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):  # without a preflight
            with contextlib.suppress(aiohttp.ClientError):
                async with session.post(url, data=text, headers=EVIL | {"Content-Type": kind}) as reply:
                    if "forkConfig" in await reply.text() or "Access-Control-Allow-Origin" in reply.headers:
                        served.add(kind)
        rebound = {"Host": f"evil.example:{port}", "Content-Type": "application/json"}  # its name leads here by now
        with contextlib.suppress(aiohttp.ClientError):
            async with session.post(url, data=text, headers=rebound) as reply:
                if "forkConfig" in await reply.text():
                    served.add("rebinding")
        with contextlib.suppress(aiohttp.ClientError):
            async with session.ws_connect(f"ws://127.0.0.1:{port}/", headers=EVIL) as channel:  # asks no CORS question
                await channel.send_str(text)
                if "forkConfig" in await channel.receive_str():
                    served.add("websocket")
    return served


def ports(pid: int | str) -> set[int]:
    """TCP ports on which somebody listens in the network of this process."""
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """With the rights of a user who owns nothing; this process must be root's."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_a_port_without_cors_still_lets_pages_in(devnet: Devnet, tries: Tries) -> None:
    """Why the fork has no port that anybody reaches: --no-cors ends preflights and answers, and a page's plain requests
    are no requests to Anvil; but Anvil checks neither Host nor the Origin of a WebSocket."""
    assert await as_a_page(int(devnet.rpc_url.rsplit(":", 1)[1])) == {"rebinding", "websocket"}
    tries.refused(4)


@pytest.mark.skipif(not without_network(), reason="this system gives no network namespace")
async def test_neither_pages_nor_users_reach_the_fork(devnet: Devnet, tries: Tries) -> None:
    """Its port is open in a network where it is alone, and its sockets are in a folder of our user."""
    here = ports("self")
    async with Fork(devnet.network, devnet.rpc_url) as fork:
        assert fork.socket is not None
        assert fork.pid is not None
        assert not fork.reachable
        (port,) = ports(fork.pid)
        assert port not in ports("self") - here
        assert await as_a_page(port) == set()
        tries.refused(6)
        assert fork.socket.parent.stat().st_mode & 0o777 == 0o700
        if os.geteuid() == 0:
            for path in (fork.socket, fork.socket.with_name(UPSTREAM)):
                with socket.socket(socket.AF_UNIX) as stranger, as_nobody(), pytest.raises(PermissionError):
                    stranger.connect(str(path))
                tries.refused()


async def test_the_fork_knows_no_key(devnet: Devnet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither Anvil itself, nor its arguments, environment, memory, log and errors; though our environment has it."""
    async with Hosted(devnet.rpc_url, devnet.ws_url, PATH_KEY, QUERY_KEY) as hosted:
        monkeypatch.setenv("SENTINEL_RPC__URL", hosted.url)
        async with Fork(devnet.network, hosted.url, log=tmp_path / "log") as fork:
            head = await latest_head(devnet.rpc)
            async with fork.at(head) as rpc:
                places = {"nodeInfo": json.dumps(await rpc.call("anvil_nodeInfo")).encode()}
                await rpc.call("eth_getCode", devnet.network.universal_router, "latest")
            await devnet.market.step()
            hosted.complaints = 100
            with pytest.raises(ForkUnavailable) as failed:
                await fork.follow(await latest_head(devnet.rpc))
            hosted.complaints = 0
            places["error"] = str(failed.value).encode()
            assert fork.pid is not None
            places |= seen_by_others([fork.pid]) | written(tmp_path) | {"memory": memory(fork.pid)}
            assert b"forkConfig" in places["nodeInfo"]
            assert UPSTREAM.encode() in places["memory"]  # it was read
            assert found_in(places, {key: key.encode() for key in (PATH_KEY, QUERY_KEY)}) == []


def memory(pid: int) -> bytes:
    """What the process may write to, all of it."""
    found = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb", 0) as mem:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line):
                start, end = (int(edge, 16) for edge in match.groups())
                with contextlib.suppress(OSError):
                    mem.seek(start)
                    found += mem.read(end - start)
    return bytes(found)


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "eth_sendRawTransaction", "params": ["0x02"]},
        {"method": "eth_sendTransaction", "params": [{}]},
        {"method": "anvil_setCode", "params": ["0x" + "11" * 20, "0x00"]},
        {"method": "anvil_nodeInfo", "params": []},
        {"method": "eth_call", "params": [{}, "latest"]},
        {"method": ["eth_blockNumber"]},
        {},
    ],
    ids=str,
)
async def test_the_upstream_passes_reads_alone(devnet: Devnet, request_: dict[str, Any]) -> None:
    """Whatever a fork that was taken over asks for, nothing but the chain's state comes back, and nothing is sent."""
    async with Hosted(devnet.rpc_url, devnet.ws_url, PATH_KEY, QUERY_KEY) as hosted, upstream(devnet, hosted) as ask:
        seen = hosted.answered
        reply = await ask(json.dumps(request_ | {"jsonrpc": "2.0", "id": 1}).encode())
        assert reply is not None
        assert reply["error"]["code"] == -32601
        assert hosted.answered == seen
        assert (await ask(b'{"jsonrpc":"2.0","id":2,"method":"eth_chainId","params":[]}'))["result"] == "0x7a69"


@pytest.mark.parametrize(
    "text", [b"[]" * 9, b'{"a":' * MAX_REQUEST, b"}{" * 99, b"\xff\xfe{}", b'"' * (2 * MAX_REQUEST)]
)
async def test_no_text_breaks_the_upstream(devnet: Devnet, text: bytes) -> None:
    """Half requests, deep ones and bytes that are no text end at most their own connection."""
    async with upstream(devnet) as ask:
        with contextlib.suppress(TimeoutError, OSError):
            await ask(text, within=0.3)
        assert (await ask(b'{"jsonrpc":"2.0","id":2,"method":"eth_chainId","params":[]}'))["result"] == "0x7a69"


@contextlib.asynccontextmanager
async def upstream(devnet: Devnet, hosted: Hosted | None = None) -> AsyncIterator[Any]:
    """A function that sends bytes to the upstream's socket on a new connection, and returns the reply."""
    async with Fork(devnet.network, hosted.url if hosted is not None else devnet.rpc_url) as fork:
        assert fork.socket is not None
        path = fork.socket.with_name(UPSTREAM)

        async def ask(text: bytes, within: float = 5.0) -> Any:
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(text)
                async with asyncio.timeout(within):
                    line = await reader.readline()
                return json.loads(line) if line else None
            finally:
                writer.close()

        yield ask
