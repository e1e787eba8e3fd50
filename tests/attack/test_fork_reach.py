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

from sentinel.chain import anvil
from sentinel.chain.fork_upstream import MAX_REQUEST
from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import Rpc
from sentinel.core.decision import Act
from sentinel.core.errors import ForkUnavailable
from sentinel.core.host.namespaces import without_network
from sentinel.core.host.process import free_port
from sentinel.core.mandate import Spent
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import Pool
from sentinel.core.transaction import Intent
from sentinel.decide.policy import Policy
from sentinel.dex.simulating.fork import UPSTREAM, Fork
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.toolkit import DexToolkit
from sentinel.market import Devnet
from tests.attack.keyed import Hosted
from tests.attack.searched import found_in, seen_by_others, written
from tests.attack.test_hostile_outputs import LIMITS
from tests.attack_tally import Tries
from tests.dex.conftest import Desk, candidates, desk_on
from tests.dex.nodes import Disguise, both, refusing, where

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


@pytest.fixture
async def desk(devnet: Devnet) -> AsyncIterator[Desk]:
    async with desk_on(devnet) as opened:
        yield opened


async def decided(desk: Desk, kit: DexToolkit, state: MarketState) -> Intent:
    swap = desk.build.swap(state, "USDC", "WETH", 400, "v2")
    (simulation,) = await kit.simulate_all(state, candidates(swap))
    assert simulation.revert is None
    tx = await kit.finalise(simulation, state, desk)
    return Intent("ab" * 16, Act(simulation, 5, 8, 3, 0), tx, True, simulation.env, swap.deadline, 0)


async def refused(desk: Desk, kit: DexToolkit, intent: Intent, head: Head, state: MarketState) -> set[str]:
    """The rules that refuse the final bytes as this toolkit confirms them."""
    confirmed = await kit.confirm(intent, head, state)
    verdicts = Policy(desk.network, LIMITS).check(
        confirmed, intent.decision, state, head, Spent(0, 0), float(head.timestamp)
    )
    return {verdict.rule for verdict in verdicts if not verdict.ok}


async def test_a_tampered_fork_confirms_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch, tries: Tries) -> None:
    """At worst, with an open port, where a page and another process change the fork between decision and confirm: what
    the chain would not do is refused, and what it would do is not stopped."""
    monkeypatch.setattr(anvil, "without_network", tuple)
    port, rpc = free_port(), desk.net.rpc
    pool_of = desk.network.pools["WETH/USDC-v2"]
    pool, reserves = pool_of.address, hex(8)  # the slot in which a V2 pair keeps them
    async with (
        Fork(desk.network, desk.net.rpc_url, port=port, timeout=20) as fork,
        Rpc(f"http://127.0.0.1:{port}") as evil,
    ):
        assert fork.reachable
        kit = DexToolkit(desk.network, fork, node=NodeSimulation(desk.network, rpc, timeout=20))
        alone = DexToolkit(desk.network, fork)
        state = await desk.state()
        intent = await decided(desk, kit, state)
        assert await refused(desk, kit, intent, state.head, state) == set()
        assert where(await kit.confirm(intent, state.head, state)) == {"node"}

        # A denial: the fork alone is spoilt.
        await evil.call("anvil_setBalance", desk.account.address, "0x0")
        await page(port, "anvil_setCode", desk.network.universal_router, "0xfe")
        assert await refused(desk, kit, intent, state.head, state) == set()
        tries.contained(2)

        # The pool turns bad on the chain, and the fork is made to look as before: its storage, then its code.
        held = await rpc.call("eth_getStorageAt", pool, reserves, "latest")
        code = await rpc.call("eth_getCode", pool, "latest")
        await rpc.call("anvil_setStorageAt", pool, reserves, f"0x{less_weth(int(held, 16), pool_of):064x}")
        for kind in ("storage", "code"):
            if kind == "code":
                await rpc.call("anvil_setStorageAt", pool, reserves, held)
                await rpc.call("anvil_setCode", pool, "0xfe")
            await rpc.call("evm_mine")
            head = await latest_head(rpc)
            await fork.follow(head)
            if kind == "storage":
                await page(port, "anvil_setStorageAt", pool, reserves, held)
                assert await refused(desk, alone, intent, head, state) == set()  # so the fork would have confirmed it
            else:
                await evil.call("anvil_setCode", pool, code)
            assert await refused(desk, kit, intent, head, state)
            tries.refused()


def less_weth(reserves: int, pool: Pool) -> int:
    """The word of a V2 pair's reserves (112 bits each) with a tenth less WETH, so that a buyer gets a tenth less."""
    shift = 0 if pool.token0 == "WETH" else 112
    weth = reserves >> shift & (1 << 112) - 1
    return reserves - (weth // 10 << shift)


async def page(port: int, method: str, *params: str) -> None:
    """A page's request by WebSocket."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{port}/", headers=EVIL) as channel,
    ):
        await channel.send_str(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        assert "error" not in json.loads(await channel.receive_str())


async def test_a_silent_node_is_no_reason_to_trust_the_fork(desk: Desk) -> None:
    """A node that can simulate and does not answer makes the cycle hold; only one that cannot leaves it to the fork."""
    async with Disguise(desk.net.rpc_url).running() as node, both(desk, desk.net.rpc_url, node.url, 2.0) as (kit, _):
        state = await desk.state()
        intent = await decided(desk, kit, state)
        assert where(await kit.confirm(intent, state.head, state)) == {"node"}
        node.down = True
        with pytest.raises(ForkUnavailable):
            await kit.confirm(intent, state.head, state)
        node.down, node.delay = False, 30.0
        with pytest.raises(ForkUnavailable):
            await kit.confirm(intent, state.head, state)
        node.delay, node.twist = 0.0, refusing
        assert where(await kit.confirm(intent, state.head, state)) == {"fork"}
