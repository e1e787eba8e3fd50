"""An endpoint must have the block that the journal knows: at its check, and in the batch of each signature (I30)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.faults import AlteredReply, FaultProxy, HttpStatus
from sentinel.chain.chain_identity import KnownBlock
from sentinel.chain.endpoints import EndpointPool
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.core.transaction import Outcome
from sentinel.market import Devnet
from tests.execute.rig import Rig, network

BLOCKS = 80


@dataclass
class Twins:
    """A journal's chain, and another one with the same id and the same first block."""

    rig: Rig
    other: Devnet

    async def known(self, below: int = 64) -> KnownBlock:
        """So many blocks below the head of the journal's chain, recorded in the journal."""
        head = await self.rig.mine()
        block = await self.rig.net.rpc.call("eth_getBlockByNumber", hex(head.number - below), False)
        known = KnownBlock(head.number - below, block["hash"])
        self.rig.journal.chain.settle_at(known)
        return known


@pytest.fixture
async def twins(tmp_path: Path) -> AsyncIterator[Twins]:
    async with Rig.start(tmp_path, on=Devnet.start(identity="twin")) as rig, Devnet.start(identity="twin") as other:
        first = [(await net.rpc.call("eth_getBlockByNumber", "0x0", False))["hash"] for net in (rig.net, other)]
        assert first[0] == first[1] == rig.genesis
        await rig.net.rpc.call("anvil_mine", hex(BLOCKS))
        yield Twins(rig, other)


@pytest.mark.attack("another chain", "refused")
@pytest.mark.parametrize("blocks", [BLOCKS, 0], ids=["as long", "shorter"])
async def test_a_start_on_another_chain_is_refused(twins: Twins, blocks: int) -> None:
    """By its block of that number, or because it has none."""
    known = await twins.known()
    if blocks:
        await twins.other.rpc.call("anvil_mine", hex(blocks))
    pool = EndpointPool([twins.other.rpc_url], network(), timeout=2.0)
    pool.expect(known)
    with pytest.raises(ChainMismatch, match="this is another chain: give it a SENTINEL_STATE_DIR of its own"):
        await pool.call("eth_blockNumber")
    await pool.close()


@pytest.mark.attack("another chain", "refused")
async def test_a_node_that_is_replaced_while_running_signs_and_sends_nothing(twins: Twins) -> None:
    """Behind the same address and without a failed request: the batch before a signature tells, and so does the one
    before bytes are sent again. The daemon holds."""
    rig = twins.rig
    await twins.known()
    await twins.other.rpc.call("anvil_mine", hex(BLOCKS + 10))
    async with FaultProxy(rig.net.rpc_url, geth=False) as proxy:
        pool = EndpointPool([proxy.url], network(), timeout=2.0)
        pool.expect(KnownBlock(0, rig.genesis))  # as a pool that was checked before the block was known
        rig.rpc = pool
        rig.restart()
        pool.started()
        await rig.trade(1)
        proxy.upstream = twins.other.rpc_url
        offered = len(proxy.offered)
        with pytest.raises(RpcError, match="this is another chain"):
            await rig.executor.on_head(await rig.mine())
        assert "this is another chain" in (pool.disputed or "")
        assert len(proxy.offered) == offered
        await pool.close()


@pytest.mark.attack("another chain", "refused")
async def test_nothing_new_is_signed_on_another_chain(twins: Twins) -> None:
    """The intent is accepted, and expires unsigned."""
    rig = twins.rig
    await twins.known()
    await twins.other.rpc.call("anvil_mine", hex(BLOCKS + 10))
    async with FaultProxy(rig.net.rpc_url, geth=False) as proxy:
        pool = EndpointPool([proxy.url], network(), timeout=2.0)
        rig.rpc = pool
        rig.restart()
        pool.started()
        intent = await rig.accepted(1)
        proxy.upstream = twins.other.rpc_url
        await rig.executor.execute(intent)
        assert (rig.journal.attempts(intent.id), rig.notes.alarms) == ((), ["unsent"])
        await pool.close()


async def test_a_fail_over_passes_an_endpoint_of_another_chain_by(twins: Twins) -> None:
    """It is refused, and reads go on at the endpoint that is right."""
    known = await twins.known()
    await twins.other.rpc.call("anvil_mine", hex(BLOCKS + 10))
    async with FaultProxy(twins.rig.net.rpc_url, geth=False) as right:
        pool = EndpointPool([right.url, twins.other.rpc_url, twins.rig.net.rpc_url], network(), timeout=2.0)
        pool.expect(known)
        await pool.call("eth_chainId")
        right.add("*", HttpStatus(503))
        block = await pool.call("eth_getBlockByNumber", hex(known.number), False)
        assert block["hash"] == known.hash
        assert [name.partition(":")[0] for name in pool.refused] == ["1"]
        assert pool.another_chain is None
        await pool.close()


async def test_a_reorg_above_the_known_block_is_no_other_chain(twins: Twins) -> None:
    """However deep, as long as it is within finality: checks pass, and a trade is made."""
    known = await twins.known()
    pool = EndpointPool([twins.rig.net.rpc_url], network(), timeout=2.0)
    pool.expect(known)
    await pool.call("eth_chainId")
    for depth in (1, 10, 40):
        await twins.rig.net.rpc.call("anvil_reorg", depth, [])
        pool.recheck()
        await pool.call("eth_chainId")
    await pool.close()
    await twins.rig.trade(1)
    assert (await twins.rig.follow()).outcome is Outcome.CONFIRMED


async def test_a_node_that_is_still_syncing_is_no_other_chain(twins: Twins) -> None:
    """Its chain is shorter for now: it does not answer, and is asked again."""
    known = await twins.known()
    async with FaultProxy(twins.other.rpc_url, geth=False) as proxy:
        proxy.add("eth_syncing", AlteredReply({"eth_syncing": lambda call, result: {"currentBlock": "0x1"}}))
        pool = EndpointPool([proxy.url], network(), timeout=2.0)
        pool.expect(known)
        with pytest.raises(RpcError, match="does not have block"):
            await pool.call("eth_blockNumber")
        assert pool.refused == {}
        await pool.close()
