"""Whatever the node answers to reads, or does not: nothing is settled that the chain does not show."""

from __future__ import annotations

import pytest

from lab.faults import CutRequest, FaultProxy, lies
from sentinel.chain.heads import latest_head
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.core.transaction import Outcome
from tests.execute.broken_replies import NO_REPLY
from tests.execute.rig import Rig

RECEIPT = "eth_getTransactionReceipt"


async def test_reads_that_fail_while_following(faulty: tuple[Rig, FaultProxy]) -> None:
    """A read without an answer is Unavailable and changes nothing; the next head settles."""
    rig, proxy = faulty
    for tag, effect in enumerate(NO_REPLY, 1):
        await rig.trade(tag)
        proxy.add(RECEIPT, effect, times=1)
        with pytest.raises(RpcError):
            await rig.executor.on_head(await rig.mine())
        settled = await rig.executor.on_head(await rig.head())
        assert settled is not None, effect
        assert (settled.outcome, await rig.effects(tag)) == (Outcome.CONFIRMED, 1), effect


async def test_balances_that_cannot_be_read(faulty: tuple[Rig, FaultProxy]) -> None:
    """What a trade brought is read before it is settled; without that it stays in flight."""
    rig, proxy = faulty
    await rig.trade(1)
    proxy.add("eth_call", CutRequest(), times=1)
    with pytest.raises(RpcError):
        await rig.executor.on_head(await rig.mine())
    settled = await rig.executor.on_head(await rig.head())
    assert settled is not None
    assert settled.outcome is Outcome.CONFIRMED


async def test_the_node_is_down_before_signing(faulty: tuple[Rig, FaultProxy]) -> None:
    """When not even the nonce can be read nothing is signed; the next head tries again."""
    rig, proxy = faulty
    intent = await rig.accepted(1)
    proxy.add("eth_chainId", CutRequest(), times=1)
    await rig.executor.execute(intent)
    assert rig.journal.attempts(intent.id) == ()
    assert rig.executor.open_intent == intent
    assert rig.notes.alarms == ["unsent"]
    assert (await rig.follow()).outcome is Outcome.CONFIRMED


async def test_a_stale_nonce_signs_nothing(faulty: tuple[Rig, FaultProxy]) -> None:
    """I4: a node that lost one of our transactions would have its nonce used again: an alarm, and no signature."""
    rig, proxy = faulty
    await rig.trade(1)
    await rig.follow()
    stale = proxy.add("eth_getTransactionCount", lies.stale_nonce())
    intent = await rig.trade(2)
    assert (rig.journal.attempts(intent.id), rig.notes.alarms) == ((), ["nonce_gap"])
    proxy.remove(stale)
    assert (await rig.follow()).outcome is Outcome.CONFIRMED
    assert await rig.effects(2) == 1


async def test_another_chain_signs_nothing(faulty: tuple[Rig, FaultProxy]) -> None:
    """I10: the only endpoint of another chain stops the process, with nothing signed."""
    rig, proxy = faulty
    proxy.add("eth_chainId", lies.chain_id(1))
    with pytest.raises(ChainMismatch):
        await rig.trade(1)
    assert proxy.offered == []


async def test_receipts_that_are_missing_or_foreign(faulty: tuple[Rig, FaultProxy]) -> None:
    """Without a receipt of its own hash nothing is settled, and a mined nonce is not taken for someone else's."""
    rig, proxy = faulty
    for tag, lie in enumerate((lies.no_receipts(), lies.foreign_receipts()), 1):
        await rig.trade(tag)
        lying = proxy.add(RECEIPT, lie)
        assert await rig.executor.on_head(await rig.mine()) is None
        proxy.remove(lying)
        assert (await rig.follow()).outcome is Outcome.CONFIRMED
        assert await rig.effects(tag) == 1
    assert rig.journal.halt_reason is None


async def test_a_frozen_head_ends_nothing(faulty: tuple[Rig, FaultProxy]) -> None:
    """A node that shows the same head for ever brings no decision and no end; the intent is kept."""
    rig, proxy = faulty
    proxy.add("eth_getBlockByNumber", lies.frozen())
    frozen = await latest_head(rig.rpc)
    intent = await rig.trade(1)
    await rig.mine(3)
    assert await latest_head(rig.rpc) == frozen
    assert await rig.executor.on_head(frozen) is None
    assert rig.executor.open_intent == intent
    proxy.faults.clear()
    assert (await rig.follow()).outcome is Outcome.CONFIRMED


async def test_a_receipt_without_a_price_takes_it_from_the_transaction(faulty: tuple[Rig, FaultProxy]) -> None:
    """A node whose receipts do not say what gas cost: the trade is settled all the same, at what it did cost."""
    rig, proxy = faulty
    proxy.add(RECEIPT, lies.unpriced_receipts())
    intent = await rig.trade(1)
    settled = await rig.follow()
    receipt = await rig.net.rpc.call("eth_getTransactionReceipt", settled.tx_hash)
    assert (settled.intent_id, settled.outcome) == (intent.id, Outcome.CONFIRMED)
    assert settled.gas_cost == settled.gas_used * int(receipt["effectiveGasPrice"], 16)
