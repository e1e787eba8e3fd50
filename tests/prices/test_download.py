"""Minutes from Swap logs: against a real Anvil with real swaps, and against nodes that refuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode

from sentinel.chain.rpc import Call, Rpc
from sentinel.config.network_file import load_network
from sentinel.core.errors import ChainMismatch, OperatorError, RpcError
from sentinel.core.units import Q96
from sentinel.market import CrowdBehaviour, Devnet, PricePath
from sentinel.market.contracts import ADDRESSES
from sentinel.prices.bar import Bar
from sentinel.prices.bars import read_prices
from sentinel.prices.download import TRIES, Download
from sentinel.prices.swap_logs import Pair

FIRST = 1_893_456_000  # seconds: long after the baked state's last block
POOLS = ("WETH/USDC-v3-500", "WETH/USDC-v3-3000", "WETH/USDC-v4-500")
DEEPEST = "WETH/USDC-v3-500"
NETWORK = load_network("devnet")
BALANCE_OF = "0x70a08231"


class Node:
    """An endpoint before a real one: it counts requests, and refuses what `refuse` says."""

    def __init__(self, inner: Rpc, refuse: Callable[[int, int], RpcError | None] = lambda start, end: None) -> None:
        self.inner = inner
        self.refuse = refuse
        self.ranges: list[tuple[int, int]] = []
        self.strip = False  # leave the block's time out of logs, as older nodes do

    async def call(self, method: str, *params: Any) -> Any:
        return await self.inner.call(method, *params)

    async def batch(self, calls: Sequence[Call]) -> list[Any | RpcError]:
        if calls[0][0] == "eth_getLogs":
            start, end = (int(calls[0][1][0][name], 16) for name in ("fromBlock", "toBlock"))
            self.ranges.append((start, end))
            if (error := self.refuse(start, end)) is not None:
                return [error for _ in calls]
        answers = await self.inner.batch(calls)
        if self.strip and calls[0][0] == "eth_getLogs":
            for log in (log for logs in answers if not isinstance(logs, RpcError) for log in logs):
                del log["blockTimestamp"]
        return answers


async def no_wait(_: float) -> None:
    pass


def too_large(start: int, end: int) -> RpcError | None:
    return RpcError("query exceeds max block range 3", code=-32000) if end - start >= 3 else None


async def seen(net: Devnet) -> dict[str, tuple[float, int]]:
    """Each pool's price, read from its own state, and the USDC that it holds. A V4 pool's are the manager's."""
    state = {}
    for name in POOLS:
        pool = NETWORK.pools[name]
        to, data = pool.address, "0x3850c7bd"
        if pool.venue == "uniswap_v4":
            to, data = ADDRESSES["StateView"], f"0xc815641c{(pool.pool_id or '')[2:]}"
        slot0 = bytes.fromhex((await net.rpc.call("eth_call", {"to": to, "data": data}, "latest"))[2:])
        raw = (int.from_bytes(slot0[:32]) / Q96) ** 2 * 10.0 ** (
            NETWORK.tokens[pool.token0].decimals - NETWORK.tokens[pool.token1].decimals
        )
        ask = {"to": ADDRESSES["USDC"], "data": BALANCE_OF + pool.address[2:].rjust(64, "0").lower()}
        (held,) = decode(["uint256"], bytes.fromhex((await net.rpc.call("eth_call", ask, "latest"))[2:]))
        state[name] = (raw if pool.token0 == "WETH" else 1 / raw, held)
    return state


async def traded(net: Devnet, blocks: int, step: Callable[[], Awaitable[object]]) -> list[Bar]:
    """Make blocks of the crowd's real swaps, and the bars that they must give, from the pools' own state."""
    before = await seen(net)
    closes: dict[int, list[float]] = defaultdict(list)
    volumes: dict[int, int] = defaultdict(int)
    for _ in range(blocks):
        await step()
        after = await seen(net)
        minute = net.market.block.timestamp // 60 * 60
        if after[DEEPEST][1] != before[DEEPEST][1]:
            closes[minute].append(after[DEEPEST][0])
        volumes[minute] += sum(abs(after[name][1] - before[name][1]) for name in POOLS)
        before = after
    bars: list[Bar] = []
    for minute in range(min(closes), net.market.block.timestamp // 60 * 60 + 1, 60):
        prices = closes.get(minute) or [bars[-1].close]
        bars.append(Bar(minute, prices[0], max(prices), min(prices), prices[-1], volumes[minute] / 10**6, None))
    return bars


async def test_the_minutes_are_those_of_the_swaps_that_were_made(tmp_path: Path) -> None:
    """Prices, volumes and times, of real swaps in two V3 pools and a V4 one, and the same from every kind of node.

    The node's logs are compared with the pools' own state after each block. A stopped download continues, a node that
    refuses large ranges or does not say times gives the same bytes, and the pool with the largest volume has the price.
    """
    times = iter(FIRST + 25 * i + (200 if i > 12 else 0) for i in range(100))
    quiet = CrowdBehaviour(opening_every=0)
    async with Devnet.start(prices=PricePath.synthetic(1), behaviour=quiet, clock=lambda: next(times)) as net:
        expected = await traded(net, 20, net.market.step)
        first, last = 2, net.market.block.number
        pair = Pair.of(NETWORK, "WETH")
        assert tuple(pool.name for pool in pair.pools) == POOLS

        def download(node: Node, name: str) -> Download:
            return Download(node, pair, first, last, tmp_path / name, sleep=no_wait)

        done = await download(Node(net.rpc), "all.csv").run()
        bars = done.prices.bars
        assert done.pool == DEEPEST
        assert [bar.time for bar in bars] == [bar.time for bar in expected]
        assert [bar.close for bar in bars] == [bar.close for bar in expected]
        for name in ("open", "high", "low", "volume"):
            assert [getattr(bar, name) for bar in bars] == pytest.approx([getattr(bar, name) for bar in expected])
        assert {bar.volume > 0 for bar in bars} == {True, False}  # some minutes had no block, so no swap
        assert done.prices.gaps == ()
        held = await net.rpc.call("eth_call", {"to": pair.pools[0].address, "data": "0x1a686502"}, "latest")
        assert bars[-1].liquidity == int(held, 16)
        whole = (tmp_path / "all.csv").read_bytes()

        small = Node(net.rpc, too_large)
        small.strip = True
        await download(small, "small.csv").run()
        assert (tmp_path / "small.csv").read_bytes() == whole
        answered = [(start, end) for start, end in small.ranges if end - start < 3]
        assert len(answered) >= 7
        assert not (tmp_path / "small.csv.part").exists()

        down = Node(net.rpc, lambda start, end: RpcError("connection reset") if start > 9 else None)
        stopped = download(down, "stopped.csv")
        stopped.span = 4
        with pytest.raises(RpcError, match="connection reset"):
            await stopped.run()
        part = tmp_path / "stopped.csv.part"
        part.write_bytes(part.read_bytes() + b'{"to":99,"minu')  # what a kill leaves of a line
        again = Node(net.rpc)
        await download(again, "stopped.csv").run()
        assert min(start for start, _ in again.ranges) > 9
        assert (tmp_path / "stopped.csv").read_bytes() == whole

        await download(Node(net.rpc), "packed.csv.gz").run()
        assert read_prices([tmp_path / "packed.csv.gz"]).bars == bars
        with pytest.raises(OperatorError, match="exists already"):
            await download(Node(net.rpc), "all.csv").run()
        with pytest.raises(OperatorError, match=rf"does not have block {last + 1}; its newest is {last}"):
            await Download(Node(net.rpc), pair, first, last + 1, tmp_path / "late.csv").run()


async def test_what_a_download_refuses(tmp_path: Path) -> None:
    """A part of another request, a pool that is none of the pair, and a last block that a reorg replaced."""
    with pytest.raises(OperatorError, match=r"WETH/USDC-v2 is no V3 or V4 pool .* it has WETH/USDC-v3-500"):
        Pair.of(NETWORK, "WETH", ["WETH/USDC-v2"])
    with pytest.raises(OperatorError, match="has no coin 'USDC' to price in USDC"):
        Pair.of(NETWORK, "USDC")
    pair = Pair.of(NETWORK, "WETH", [DEEPEST])
    async with Devnet.start(prices=PricePath.synthetic(1)) as net:
        for _ in range(3):
            await net.market.step()
        failing = Node(net.rpc, lambda start, end: RpcError("too many requests", code=429))
        with pytest.raises(RpcError, match="too many requests"):
            await Download(failing, pair, 1, 3, tmp_path / "a.csv", sleep=no_wait).run()
        assert len(failing.ranges) == TRIES
        with pytest.raises(OperatorError, match=r"a\.csv\.part is of another download \(other to, hash"):
            await Download(Node(net.rpc), pair, 1, 4, tmp_path / "a.csv").run()
        with pytest.raises(OperatorError, match="no swap of WETH/USDC-v3-500 in blocks 0 to 0"):
            await Download(Node(net.rpc), pair, 0, 0, tmp_path / "b.csv").run()

        snapshot = await net.rpc.call("evm_snapshot")
        await net.market.step()
        last = net.market.block.number

        async def reorg() -> None:
            await net.rpc.call("evm_revert", snapshot)
            await net.market.resync()
            await net.market.step()

        class Reorging(Node):
            async def batch(self, calls: Sequence[Call]) -> list[Any | RpcError]:
                answers = await super().batch(calls)
                await reorg()
                return answers

        with pytest.raises(ChainMismatch, match=f"block {last} was replaced meanwhile"):
            await Download(Reorging(net.rpc), pair, 1, last, tmp_path / "c.csv").run()
        assert not (tmp_path / "c.csv").exists()
