"""New heads from a real node: order, holes, restarts, reorgs, silence."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from sentinel.chain.anvil import start_anvil
from sentinel.chain.head_watch import HeadTimes
from sentinel.chain.heads import HeadStream, latest_head, parse_head
from sentinel.chain.rpc import Rpc
from sentinel.core.errors import RpcError
from sentinel.core.host.process import Child, free_port
from sentinel.core.market_state import Head

SLOW = replace(HeadTimes.of(0.25), poll_every=0.3)
QUICK = replace(HeadTimes.of(0.25), poll_every=0.05, reconnect_every=0.3)
Started = tuple[Child, str, Rpc]


@asynccontextmanager
async def node(*arguments: str, port: int = 0) -> AsyncIterator[Started]:
    child, url = await start_anvil(port=port, arguments=["--accounts", "1", "--no-mining", *arguments])
    try:
        async with Rpc(url) as rpc:
            yield child, url, rpc
    finally:
        await child.stop()


@asynccontextmanager
async def collecting(stream: HeadStream) -> AsyncIterator[Callable[[int], Awaitable[list[Head]]]]:
    """Run the stream; the value waits until so many heads have come in all, and returns them."""
    heads: list[Head] = []
    came = asyncio.Condition()

    async def collect() -> None:
        async for head in stream:
            async with came:
                heads.append(head)
                came.notify_all()

    async def until(count: int) -> list[Head]:
        async with asyncio.timeout(20), came:
            await came.wait_for(lambda: len(heads) >= count)
        return list(heads)

    task = asyncio.create_task(collect())
    try:
        yield until
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def streams(url: str, rpc: Rpc, subscribed: bool, **options: Any) -> HeadStream:
    ws_urls = (url.replace("http", "ws", 1),) if subscribed else ()
    return HeadStream(rpc, ws_urls, **{"times": QUICK, **options})


async def mine(rpc: Rpc, blocks: int = 1) -> None:
    for _ in range(blocks):
        await rpc.call("evm_mine")


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the stream has plain counters, no event for every change
            await asyncio.sleep(0.02)


def linked(heads: list[Head]) -> bool:
    return all(b.parent_hash == a.hash and b.number == a.number + 1 for a, b in pairwise(heads))


either = pytest.mark.parametrize("subscribed", [True, False], ids=["subscribed", "polled"])


@either
async def test_heads_come_in_order_without_holes(subscribed: bool) -> None:
    """Every block once, each the child of the one before, whole: equal to the block as asked for by number."""
    async with node() as (_, url, rpc), collecting(streams(url, rpc, subscribed)) as until:
        await until(1)
        await mine(rpc, 8)
        heads = await until(9)
        assert linked(heads)
        assert [head.number for head in heads] == list(range(9))
        assert heads[-1] == await latest_head(rpc)
        raw = await rpc.call("eth_getBlockByNumber", "0x3", False)
        assert heads[3].hash == raw["hash"]
        assert heads[3].prev_randao == raw["mixHash"]
        assert heads[3].base_fee == int(raw["baseFeePerGas"], 16)
        assert heads[3].gas_limit == 30_000_000


@either
async def test_a_node_that_dies_and_returns_leaves_no_hole(subscribed: bool, tmp_path: Path) -> None:
    """Killed, restarted with its state on the same port, and blocks mined before we are back: all of them come."""
    port, state = free_port(), tmp_path / "state.json"
    async with node(port=port) as (child, url, rpc):
        stream = streams(url, rpc, subscribed)
        async with collecting(stream) as until:
            await until(1)
            await mine(rpc, 3)
            before = await until(4)
            dump = await rpc.call("anvil_dumpState", True)
            await child.kill()
            await eventually(lambda: stream.reconnects >= subscribed)
            state.write_text(_as_file(dump))
            async with node("--load-state", str(state), port=port) as (_, _, again):
                assert (await latest_head(again)).hash == before[-1].hash
                await mine(again, 4)
                heads = await until(8)
                assert linked(heads)
                assert [head.number for head in heads] == list(range(8))
                await mine(again)
                assert linked(await until(9))


def _as_file(dump: str) -> str:
    """anvil_dumpState gives gzipped JSON in hex; --load-state takes the JSON."""
    return gzip.decompress(bytes.fromhex(dump.removeprefix("0x"))).decode()


@either
async def test_a_reorg_is_followed_from_where_the_chains_part(subscribed: bool) -> None:
    """After a rollback of three blocks the new branch comes whole, and is counted with its depth."""
    async with node() as (_, url, rpc):
        replaced: list[int] = []
        stream = streams(url, rpc, subscribed, on_reorg=replaced.append)
        with capture_logs() as logged:
            async with collecting(stream) as until:
                await until(1)
                await mine(rpc, 2)
                await until(3)
                snapshot = await rpc.call("evm_snapshot")
                await mine(rpc, 3)
                old = await until(6)
                await rpc.call("evm_revert", snapshot)
                await rpc.call("anvil_setNextBlockBaseFeePerGas", hex(123456789))
                await rpc.call("evm_mine")
                heads = await until(7)
                assert (heads[6].number, heads[6].parent_hash) == (3, old[2].hash)
                assert heads[6].hash != old[3].hash
                await mine(rpc, 4)
                assert linked((await until(11))[6:])
                assert stream.reorgs == 1
                assert [line["depth"] for line in logged if line["event"] == "heads.reorg"] == [3]
                assert replaced == [3]


async def test_a_longer_branch_that_replaces_ours_comes_from_its_fork_point() -> None:
    """Where only the tip of the new branch is noticed, its earlier blocks are looked up down to the common one."""
    async with node() as (_, _, rpc):
        await mine(rpc, 2)
        snapshot = await rpc.call("evm_snapshot")
        await mine(rpc, 2)
        stream = HeadStream(rpc, times=SLOW)
        async with collecting(stream) as until:
            first = (await until(1))[0]
            assert first.number == 4
            await mine(rpc, 1)
            await until(2)
            await rpc.call("evm_revert", snapshot)
            await rpc.call("anvil_setNextBlockBaseFeePerGas", hex(123456789))
            await mine(rpc, 5)
            heads = await until(2 + 4)
            assert linked(heads[2:])
            assert heads[-1] == await latest_head(rpc)
            assert heads[2].number <= first.number
            assert stream.reorgs == 1


async def test_a_node_far_behind_is_no_reorg() -> None:
    """After a fail-over to an endpoint below all that is remembered nothing is replaced, and the next head links on;
    a branch that replaced all of it is followed once it has reached a height that we know."""
    async with node() as (_, _, rpc):
        await mine(rpc, 4)
        old = await latest_head(rpc)
        snapshot = await rpc.call("evm_snapshot")
        await mine(rpc, 20)
        replaced: list[int] = []
        stream = HeadStream(rpc, times=QUICK, backfill=5, on_reorg=replaced.append)
        head = await latest_head(rpc)
        assert await stream._since_last(head) == [head]
        assert await stream._since_last(old) == []
        await mine(rpc)
        (newer,) = await stream._since_last(await latest_head(rpc))
        assert (newer.parent_hash, stream.reorgs, replaced) == (head.hash, 0, [])
        await rpc.call("evm_revert", snapshot)
        await rpc.call("anvil_setNextBlockBaseFeePerGas", hex(123456789))
        await mine(rpc, 10)
        assert await stream._since_last(await latest_head(rpc)) == []
        await mine(rpc, 10)
        branch = await stream._since_last(await latest_head(rpc))
        assert (branch[0].number, stream.reorgs, replaced) == (head.number, 1, [head.number])


async def test_a_gap_longer_than_the_backfill_is_jumped() -> None:
    """Only the last `backfill` blocks are looked up; the consumer sees the jump by the numbers."""
    async with node() as (_, _, rpc):
        stream = HeadStream(rpc, times=SLOW, backfill=5)
        async with collecting(stream) as until:
            await until(1)
            await rpc.call("anvil_mine", "0x64")
            heads = await until(7)
            assert linked(heads[1:])
            assert [head.number for head in heads] == [0, *range(95, 101)]


@either
async def test_silence_is_reported_and_ends_with_the_next_head(subscribed: bool) -> None:
    """No block for `stall_after`: it is logged, and nothing is yielded twice."""
    async with node() as (_, url, rpc):
        stream = streams(url, rpc, subscribed, times=replace(QUICK, stall_after=0.3))
        with capture_logs() as logged:
            async with collecting(stream) as until:
                await until(1)
                await eventually(lambda: "heads.stalled" in [line["event"] for line in logged])
                await mine(rpc)
                assert [head.number for head in await until(2)] == [0, 1]
                assert stream.reconnects == 0


async def test_a_subscription_that_goes_deaf_is_made_anew() -> None:
    """A WebSocket that stays open but tells of nothing is noticed by asking the node, and replaced."""
    connections = 0

    async def deaf(request: web.Request) -> web.WebSocketResponse:
        nonlocal connections
        connections += 1
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for _ in ws:
            await ws.send_json({"jsonrpc": "2.0", "id": 1, "result": "0x1"})
        return ws

    app = web.Application()
    app.router.add_get("/", deaf)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with node() as (_, _, rpc):
            stream = HeadStream(rpc, (f"ws://127.0.0.1:{port}/",), times=replace(QUICK, deaf_after=0.1))
            async with collecting(stream) as until:
                await until(1)
                await mine(rpc, 2)
                assert [head.number for head in await until(3)] == [0, 1, 2]
                await mine(rpc)
                await until(4)
                await eventually(lambda: connections >= 2)
                assert stream.reconnects >= 1
    finally:
        await runner.cleanup()


async def test_a_websocket_that_fails_gives_way_to_the_next() -> None:
    """Nobody listens at the first address: heads come from the second, all of them."""
    async with node() as (_, url, rpc):
        addresses = (f"ws://127.0.0.1:{free_port()}/", url.replace("http", "ws", 1))
        stream = HeadStream(rpc, addresses, times=replace(QUICK, poll_every=5.0))
        async with collecting(stream) as until:
            await until(1)
            await eventually(lambda: stream._watch._subscribed)
            await mine(rpc, 2)
            assert [head.number for head in await until(3)] == [0, 1, 2]
            assert stream.reconnects == 1


@pytest.mark.parametrize("raw", [None, [], "0x1", {}, {"number": "0x1"}, {"number": 1}, {"number": "zz"}])
def test_what_is_no_block_is_the_endpoints_error(raw: object) -> None:
    """Null, other types and missing fields raise RpcError, nothing else."""
    with pytest.raises(RpcError):
        parse_head(raw)
