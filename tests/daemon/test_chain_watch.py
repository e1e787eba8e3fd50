"""The block that the journal knows moves along below finality, and every reconnect is checked against it."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address

from lab.faults import FaultProxy
from sentinel.chain.chain_identity import KnownBlock
from sentinel.chain.heads import latest_head
from sentinel.config.settings import load
from sentinel.config.terms import Terms
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.daemon.assemble import assembled
from sentinel.daemon.guards.chain_watch import ChainWatch
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.parts import Parts
from sentinel.execute.finality import FINALITY_DEPTH
from sentinel.market import Devnet
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import logger
from tests.orders.taught_sampler import TaughtSampler

WALLET = to_checksum_address("0x" + "c7" * 20)


async def mined(net: Devnet, parts: Parts, blocks: int) -> int:
    """The number of the newest block, which the daemon has seen."""
    await net.rpc.call("anvil_mine", hex(blocks))
    head = await latest_head(net.rpc)
    parts.latest.put(head)
    return head.number


@pytest.mark.attack("another chain", "refused")
async def test_the_known_block_moves_and_a_reconnect_to_another_chain_holds(tmp_path: Path) -> None:
    """Two chains with one id and one first block. Reorgs within finality pass; a node of the other chain that answers
    at the same address is noticed at the reconnect, and at the next start."""
    alarms: list[tuple[str, str]] = []
    reconnects = 0
    async with (
        Devnet.start(identity="twin") as net,
        Devnet.start(identity="twin") as other,
        FaultProxy(net.rpc_url, geth=False) as proxy,
    ):
        settings = load(None, rpc={"url": proxy.url}, state_dir=tmp_path, fork={"port": 0})
        slow = dataclasses.replace(net.network, block_time=15.0)  # so that 64 blocks are deep enough in time too
        terms = Terms.of(settings, slow)
        async with assembled(Lifecycle(), terms, WALLET, trader_model=TaughtSampler()) as parts:
            chain, errors = parts.journal.chain, InternalErrors(parts.metrics, logger())
            watch = ChainWatch(parts, lambda what, detail: alarms.append((what, detail)), lambda: reconnects, errors)
            await watch.look(advance=True)
            assert chain.settled_block is None  # a young chain has no block that a reorg cannot replace

            head = await mined(net, parts, 100)
            await watch.look(advance=True)
            block = await net.rpc.call("eth_getBlockByNumber", hex(head - FINALITY_DEPTH), False)
            assert chain.settled_block == KnownBlock(head - FINALITY_DEPTH, block["hash"])
            asked = proxy.calls.total()
            await mined(net, parts, 5)
            await watch.look(advance=False)
            assert proxy.calls.total() == asked  # nothing is asked between two moves

            for depth in (3, 40):
                await net.rpc.call("anvil_reorg", depth, [])
                reconnects += 1
                await watch.look(advance=True)
            await mined(net, parts, FINALITY_DEPTH)
            await watch.look(advance=True)
            known = parts.journal.chain.settled_block
            assert known is not None
            assert known.number > head - FINALITY_DEPTH
            assert parts.rpc.disputed is None

            await other.rpc.call("anvil_mine", hex(400))
            proxy.upstream = other.rpc_url
            reconnects += 1
            with pytest.raises(RpcError, match="this is another chain"):
                await watch.look(advance=False)
            assert "this is another chain" in (parts.rpc.disputed or "")
            await watch.start()
            async with asyncio.timeout(5.0):
                while not alarms:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await watch.stop()
            assert [what for what, _ in alarms] == ["other_chain"]
        with pytest.raises(ChainMismatch, match="this is another chain"):
            async with assembled(Lifecycle(), terms, WALLET, trader_model=TaughtSampler()):
                pass
