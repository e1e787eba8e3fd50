"""Whatever the node answers to a send, the intent takes effect at most once and its true end is found."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lab.faults import (
    SEND,
    CutReply,
    CutRequest,
    FaultEffect,
    FaultProxy,
    HttpStatus,
    LostReply,
    OtherBody,
    RpcErrorReply,
    SwallowedSend,
    TruncatedReply,
)
from sentinel.chain.rpc import Rpc
from sentinel.core.errors import JournalError, Unavailable
from sentinel.core.transaction import Attempt, Intent, Outcome
from sentinel.core.units import GWEI
from sentinel.execute.sender import LiveExecutor
from tests.execute.broken_replies import NO_REPLY
from tests.execute.rig import Rig


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
