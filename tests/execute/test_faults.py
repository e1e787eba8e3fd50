"""Whatever the node answers to a send, the intent takes effect at most once and its true end is found."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.faults import (
    SEND,
    CutReply,
    CutRequest,
    DelayedReply,
    FaultEffect,
    FaultProxy,
    HttpStatus,
    LostReply,
    OtherBody,
    OversizedReply,
    RpcErrorReply,
    SlowReply,
    SwallowedSend,
    TruncatedReply,
    lies,
)
from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import Rpc
from sentinel.core.errors import ChainMismatch, JournalError, RpcError, Unavailable
from sentinel.core.transaction import Attempt, Intent, Outcome
from sentinel.core.units import GWEI
from sentinel.execute.sender import LiveExecutor
from tests.execute.rig import Rig

RECEIPT = "eth_getTransactionReceipt"
NO_REPLY: list[FaultEffect] = [  # nothing that can be taken for a node's judgement
    LostReply(),
    CutRequest(),
    CutReply(),
    HttpStatus(429),
    HttpStatus(503),
    OtherBody(b"<html>502</html>"),
    OtherBody(b"null"),
    OtherBody(b""),
    TruncatedReply(),
    OversizedReply(2**21),
    DelayedReply(1.5),
    SlowReply(0.1),
]


@pytest.fixture
async def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Rig, FaultProxy]]:
    monkeypatch.setattr("sentinel.chain.rpc.MAX_REPLY", 2**20)
    async with Rig.start(tmp_path) as rig, FaultProxy(rig.net.rpc_url) as proxy, Rpc(proxy.url, timeout=1.0) as rpc:
        rig.rpc = rpc
        rig.restart()
        yield rig, proxy


async def test_a_send_without_a_judgement(faulty: tuple[Rig, FaultProxy]) -> None:
    """After every kind of broken reply the intent is found mined, or sent again as the same bytes: once, one nonce."""
    rig, proxy = faulty
    for tag, effect in enumerate(NO_REPLY, 1):
        proxy.add(SEND, effect, times=1)
        intent = await rig.trade(tag)
        assert rig.notes.answers[-1] == "unknown", effect
        if await rig.executor.on_head(await rig.mine()) is None:
            rig.offset += 61
            assert (await rig.follow()).outcome is Outcome.CONFIRMED, effect
        assert await rig.effects(tag) == 1, effect
        (attempt,) = rig.journal.attempts(intent.id)
        assert attempt.nonce == tag - 1
        rig.offset = 0.0
    assert len(set(proxy.offered)) == len(NO_REPLY)
    assert rig.notes.alarms == []


MISLEADING: list[tuple[FaultEffect, str]] = [
    (RpcErrorReply(-32000, "already known", forward=True), "known"),
    (RpcErrorReply(-32003, "transaction already imported", forward=True), "known"),
    (RpcErrorReply(-32000, "nonce too low: next nonce 1, tx nonce 0", forward=True), "nonce_used"),
    (RpcErrorReply(-32603, "internal error", forward=True), "unknown"),
    (RpcErrorReply(-32000, "replacement transaction underpriced", forward=True), "underpriced"),
    (RpcErrorReply(-32000, "insufficient funds for gas * price + value"), "no_funds"),
    (RpcErrorReply(-32000, "txpool is full"), "unknown"),
    (SwallowedSend(), "sent"),
]


async def test_a_misleading_answer(faulty: tuple[Rig, FaultProxy]) -> None:
    """What a node says of a send, true or not, never leads to a second nonce, and never hides the end."""
    rig, proxy = faulty
    for tag, (effect, answer) in enumerate(MISLEADING, 1):
        proxy.add(SEND, effect, times=1)
        intent = await rig.trade(tag)
        assert rig.notes.answers[-1] == answer
        if await rig.executor.on_head(await rig.mine()) is None:
            rig.offset += 61
            assert (await rig.follow()).outcome is Outcome.CONFIRMED, effect
        assert await rig.effects(tag) == 1, effect
        assert len(rig.journal.attempts(intent.id)) == 1
        rig.offset = 0.0
    assert len(set(proxy.offered)) == len(MISLEADING)


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


async def test_geths_rules_take_our_replacements(faulty: tuple[Rig, FaultProxy]) -> None:
    """12.5 % on both caps is enough for a pool that asks for 10 %; the same bytes are known, one gwei is too little."""
    rig, proxy = faulty
    assert proxy.pool is not None
    await rig.net.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(20 * GWEI))
    await rig.mine()
    intent = await rig.trade(1, fee=17 * GWEI)
    for _ in range(3):
        await rig.net.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(18 * GWEI))
        await rig.executor.on_head(await rig.mine())
    first, second = rig.journal.attempts(intent.id)
    assert rig.notes.answers == ["sent", "sent"]
    for raw, answer in ((second.raw, "known"), (first.raw, "underpriced")):
        assert (await rig.executor._broadcast.send(raw, "public")).answer == answer
    assert (await rig.follow()).tx_hash == second.tx_hash
    assert await rig.effects(1) == 1


async def test_geth_pools_again_what_a_reorg_took(tmp_path: Path) -> None:
    """I7: our transaction goes back to the pool by itself, is mined again, and settles once, at its new depth."""
    async with (
        Rig.start(tmp_path, confirmations=3) as rig,
        FaultProxy(rig.net.rpc_url) as proxy,
        Rpc(proxy.url) as rpc,
    ):
        rig.rpc = rpc
        rig.restart()
        intent = await rig.trade(1)
        assert await rig.executor.on_head(await rig.mine()) is None
        await rpc.call("anvil_reorg", 1, [])
        assert await rig.effects(1) == 0
        settled = await rig.follow()
        assert (settled.outcome, await rig.effects(1)) == (Outcome.CONFIRMED, 1)
        assert len(rig.journal.attempts(intent.id)) == 1
        assert rig.notes.answers in (["sent"], ["sent", "known"])
        assert proxy.pool is not None


async def test_random_faults_on_everything(faulty: tuple[Rig, FaultProxy]) -> None:
    """One request in four fails in one of seven ways, seeded: each trade still takes effect exactly once."""
    rig, proxy = faulty
    for effect in (
        LostReply(),
        CutRequest(),
        CutReply(),
        HttpStatus(503),
        OtherBody(b"null"),
        TruncatedReply(),
        RpcErrorReply(-32603, "internal error"),
    ):
        proxy.add("*", effect, share=0.04)
    for tag in range(1, 9):
        intent = await prepared(rig, tag)
        await rig.executor.execute(intent)
        for _ in range(60):
            try:
                if await rig.executor.on_head(await rig.mine()) is not None:
                    break
            except Unavailable:
                pass
            rig.offset += 20
        assert (rig.executor.open_intent, await rig.effects(tag)) == (None, 1)
        rig.offset = 0.0
    assert sum(proxy.hits.values()) > 10
    assert {trade.state for trade in rig.journal.trades(9)} == {"confirmed"}
    rig.journal.verify()


async def prepared(rig: Rig, tag: int) -> Intent:
    """As a cycle does: what is Unavailable is a hold, and the next block tries again."""
    while True:
        try:
            return await rig.accepted(tag, deadline_in=3600)
        except Unavailable:
            await rig.mine()


async def test_a_journal_that_cannot_be_written_sends_nothing(faulty: tuple[Rig, FaultProxy]) -> None:
    """With the journal failing no bytes reach the node."""
    rig, proxy = faulty
    await rig.trade(1)
    await rig.follow()
    proxy.offered.clear()

    class Unwritable(LiveExecutor):
        async def _commit_and_send(self, intent: Intent, attempt: Attempt) -> None:
            rig.journal._ledger.one("PRAGMA query_only = ON", default=())
            await super()._commit_and_send(intent, attempt)

    rig.made = Unwritable
    rig.restart()
    with pytest.raises(JournalError):
        await rig.trade(2)
    assert proxy.offered == []


async def test_resigning_on_a_timeout_is_stopped_by_the_journal(faulty: tuple[Rig, FaultProxy]) -> None:
    """The mutant that answers a lost reply with a new nonce would trade twice; the journal refuses its second nonce."""
    rig, proxy = faulty

    class NewNonceOnTimeout(LiveExecutor):
        async def _send(self, intent: Intent, attempt: Attempt) -> None:
            await super()._send(intent, attempt)
            if rig.notes.answers[-1] == "unknown":
                again = await self._sign(intent, attempt.nonce + 1, attempt.fees, cancel=False)
                await self._commit_and_send(intent, dataclasses.replace(again))

    rig.made = NewNonceOnTimeout
    rig.restart()
    proxy.add(SEND, LostReply(), times=1)
    with pytest.raises(JournalError, match="another nonce"):
        await rig.trade(1)
    await rig.mine(2)
    assert await rig.effects(1) == 1
    assert len(proxy.offered) == 1


async def test_a_receipt_without_a_price_takes_it_from_the_transaction(faulty: tuple[Rig, FaultProxy]) -> None:
    """A node whose receipts do not say what gas cost: the trade is settled all the same, at what it did cost."""
    rig, proxy = faulty
    proxy.add(RECEIPT, lies.unpriced_receipts())
    intent = await rig.trade(1)
    settled = await rig.follow()
    receipt = await rig.net.rpc.call("eth_getTransactionReceipt", settled.tx_hash)
    assert (settled.intent_id, settled.outcome) == (intent.id, Outcome.CONFIRMED)
    assert settled.gas_cost == settled.gas_used * int(receipt["effectiveGasPrice"], 16)
