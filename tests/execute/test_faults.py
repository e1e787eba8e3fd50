"""Whatever the node answers to a send, the intent takes effect at most once and its true end is found."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sentinel.errors import JournalError, RpcError
from sentinel.execute.sender import Executor
from sentinel.rpc import Rpc
from sentinel.types import Attempt, Intent, Outcome
from tests.execute.proxy import Fault, Proxy
from tests.execute.rig import Rig, decision

SEND = "eth_sendRawTransaction"


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[tuple[Rig, Proxy]]:
    async with Rig.start(tmp_path) as rig, Proxy(rig.net.rpc_url).running() as proxy, Rpc(proxy.url) as rpc:
        rig.rpc = rpc
        rig.restart()
        yield rig, proxy


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault(SEND, 1, forward=True), "unknown"),
        (Fault(SEND, 1, forward=True, body="<html>502</html>"), "unknown"),
        (Fault(SEND, 1, forward=True, error={"code": -32000, "message": "already known"}), "known"),
        (Fault(SEND, 1, forward=True, error={"code": -32003, "message": "transaction already imported"}), "known"),
        (Fault(SEND, 1, forward=True, error={"code": -32000, "message": "nonce too low: next nonce 1"}), "nonce_used"),
        (Fault(SEND, 1, forward=True, error={"code": -32603, "message": "internal error"}), "unknown"),
        (
            Fault(SEND, 1, forward=True, error={"code": -32000, "message": "replacement transaction underpriced"}),
            "underpriced",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_reply_is_lost_or_misleading(faulty: tuple[Rig, Proxy], fault: Fault, answer: str) -> None:
    """A send that reached the node but was not acknowledged is found mined, under one nonce, sent once."""
    rig, proxy = faulty
    proxy.faults.append(fault)
    intent = await rig.trade(1)
    assert rig.notes.answers == [answer]
    settled = await rig.follow()
    assert (settled.outcome, await rig.effects(1)) == (Outcome.CONFIRMED, 1)
    assert len(rig.journal.attempts(intent.id)) == len(proxy.seen) == 1


@pytest.mark.parametrize("message", ["insufficient funds for gas", "overloaded", "txpool is full"])
async def test_the_send_never_arrived(faulty: tuple[Rig, Proxy], message: str) -> None:
    """A send that the node refused is tried again with the same bytes: first it is unknown, then it is confirmed."""
    rig, proxy = faulty
    proxy.faults.append(Fault(SEND, 1, forward=False, error={"code": -32000, "message": message}))
    await rig.trade(1)
    assert await rig.executor.on_head(await rig.mine()) is None
    rig.offset += 61
    settled = await rig.follow()
    assert (settled.outcome, await rig.effects(1)) == (Outcome.CONFIRMED, 1)
    assert len(set(proxy.seen)) == 1


async def test_the_node_is_down_before_signing(faulty: tuple[Rig, Proxy]) -> None:
    """When not even the nonce can be read nothing is signed; the next head tries again."""
    rig, proxy = faulty
    act = decision(1, int(rig.clock()) + 100, await rig.head())
    intent = await rig.executor.prepare(act, None)  # type: ignore[arg-type]  # our finalise asks for no state
    rig.journal.accept(None, intent)
    proxy.faults.append(Fault("eth_chainId", 1, forward=False))
    await rig.executor.execute(intent)
    assert rig.journal.attempts(intent.id) == ()
    assert rig.executor.in_flight == intent
    assert rig.notes.alarms == ["unsent"]
    assert (await rig.follow()).outcome is Outcome.CONFIRMED


async def test_the_node_is_down_while_following(faulty: tuple[Rig, Proxy]) -> None:
    """A failing read raises RpcError, changes nothing, and the next head settles."""
    rig, proxy = faulty
    await rig.trade(1)
    proxy.faults.append(Fault("eth_getTransactionReceipt", 1, forward=False))
    with pytest.raises(RpcError):
        await rig.executor.on_head(await rig.mine())
    proxy.faults.append(Fault("eth_call", 1, forward=False))
    with pytest.raises(RpcError):
        await rig.executor.on_head(await rig.head())
    settled = await rig.executor.on_head(await rig.head())
    assert settled is not None
    assert settled.outcome is Outcome.CONFIRMED


async def test_a_journal_that_cannot_be_written_sends_nothing(faulty: tuple[Rig, Proxy]) -> None:
    """With the journal failing no bytes reach the node."""
    rig, proxy = faulty
    intent = await rig.trade(1)
    await rig.follow()
    proxy.seen.clear()

    class Unwritable(Executor):
        async def _commit_and_send(self, intent: Intent, attempt: Attempt) -> None:
            rig.journal._ledger.one("PRAGMA query_only = ON", default=())
            await super()._commit_and_send(intent, attempt)

    rig.made = Unwritable
    rig.restart()
    with pytest.raises(JournalError):
        await rig.trade(2)
    assert proxy.seen == []
    assert intent.id != ""


async def test_resigning_on_a_timeout_is_stopped_by_the_journal(faulty: tuple[Rig, Proxy]) -> None:
    """The mutant that answers a lost reply with a new nonce would trade twice; the journal refuses its second nonce."""
    rig, proxy = faulty

    class NewNonceOnTimeout(Executor):
        async def _send(self, intent: Intent, attempt: Attempt) -> None:
            await super()._send(intent, attempt)
            if rig.notes.answers[-1] == "unknown":
                again = await self._sign(intent, attempt.nonce + 1, attempt.fees, cancel=False)
                await self._commit_and_send(intent, dataclasses.replace(again))

    rig.made = NewNonceOnTimeout
    rig.restart()
    proxy.faults.append(Fault(SEND, 1, forward=True))
    with pytest.raises(JournalError, match="another nonce"):
        await rig.trade(1)
    await rig.mine(2)
    assert await rig.effects(1) == 1
    assert len(proxy.seen) == 1
