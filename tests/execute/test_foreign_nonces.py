"""A wallet's transactions that the journal does not know halt trading: a restored journal, or a key used elsewhere."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from sentinel.chain.rpc import JsonRpc
from sentinel.core.errors import RpcError
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees, Outcome
from sentinel.core.units import TRANSFER_GAS
from sentinel.execute.foreign_nonces import described
from sentinel.execute.nonce_user import mined_transaction
from sentinel.execute.reconcile import compare_nonces, reconcile
from tests.execute.rig import GWEI, Rig

WALLET = "0x" + "a7" * 20


async def settled_trade(rig: Rig, tag: int) -> str:
    """The hash of a trade that was mined and settled."""
    await rig.trade(tag)
    settled = await rig.follow()
    assert settled.outcome is Outcome.CONFIRMED
    assert settled.tx_hash is not None
    return settled.tx_hash


def copied(rig: Rig, to: Path) -> None:
    """A backup of the journal, made while nothing writes."""
    rig.journal.close()
    shutil.copy(rig.path, to)
    rig.open()


def restored(rig: Rig, copy: Path) -> None:
    rig.journal.close()
    for file in rig.path.parent.glob(f"{rig.path.name}-*"):
        file.unlink()
    shutil.copy(copy, rig.path)
    rig.open()


async def spend_elsewhere(rig: Rig) -> None:
    """The same key signs a transfer that the journal does not know."""
    nonce = int(await rig.net.rpc.call("eth_getTransactionCount", rig.signer.address, "latest"), 16)
    signed = await rig.signer.sign_transaction(
        rig.network.chain_id, nonce, TxRequest(rig.signer.address, b"", 0, TRANSFER_GAS), Fees(50 * GWEI, GWEI)
    )
    await rig.net.rpc.call("eth_sendRawTransaction", "0x" + signed.raw.hex())
    await rig.mine()


@pytest.mark.attack("restored journal", "refused")
async def test_a_restored_copy_halts_until_the_operator_acknowledges(rig: Rig, tmp_path: Path) -> None:
    """The reason names the nonces and their transactions; after `resume` trading goes on with the next nonce."""
    copy = tmp_path / "copy"
    await compare_nonces(rig.executor)
    await settled_trade(rig, 1)
    copied(rig, copy)
    hashes = [await settled_trade(rig, tag) for tag in (2, 3)]
    restored(rig, copy)

    await compare_nonces(rig.executor)
    assert rig.notes.alarms == ["foreign_nonce"]
    reason = rig.journal.halt_reason or ""
    assert reason.startswith(f"nonces 1 to 2 were used by transactions that this journal does not know ({hashes[0]}, ")
    assert hashes[1] in reason
    assert "docs/runbook/SentinelForeignNonce.md" in reason
    intent = await rig.trade(4)
    assert (rig.journal.attempts(intent.id), await rig.effects(4)) == ((), 0)

    rig.journal.resume("operator")
    rig.restart()
    await compare_nonces(rig.executor)
    assert rig.journal.halt_reason is None
    await settled_trade(rig, 5)
    assert rig.journal.next_nonce() == 4
    rig.journal.verify()


@pytest.mark.attack("restored journal", "refused")
async def test_an_accepted_intent_of_a_restored_copy_is_not_signed(rig: Rig, tmp_path: Path) -> None:
    """The copy was made between acceptance and signature; since then the trade was made, and another."""
    copy = tmp_path / "copy"
    await compare_nonces(rig.executor)
    intent = await rig.accepted(1)
    copied(rig, copy)
    await reconcile(rig.executor, await rig.head())
    await rig.follow()
    restored(rig, copy)

    settled = await reconcile(rig.executor, await rig.head())
    assert settled is not None
    assert (settled.intent_id, settled.outcome) == (intent.id, Outcome.EXPIRED)
    assert "nonce 0 was used" in (rig.journal.halt_reason or "")
    await rig.mine(2)
    assert await rig.effects(1) == 1


@pytest.mark.attack("key used elsewhere", "refused")
async def test_a_key_that_is_used_elsewhere_halts_before_the_next_signature(rig: Rig) -> None:
    """Also while the daemon runs, each time anew; what was acknowledged is only what the halt named."""
    await compare_nonces(rig.executor)
    await settled_trade(rig, 1)
    for nonce in (1, 2):
        await spend_elsewhere(rig)
        intent = await rig.trade(2)
        assert rig.journal.attempts(intent.id) == ()
        assert f"nonce {nonce} was used" in (rig.journal.halt_reason or "")
        rig.journal.resume("operator")
    await settled_trade(rig, 3)


async def test_a_wallet_with_a_past_may_have_a_fresh_journal(rig: Rig) -> None:
    """What was mined before the journal began is no news, also for a copy from before its first trade."""
    await spend_elsewhere(rig)
    await compare_nonces(rig.executor)
    assert rig.journal.halt_reason is None
    await settled_trade(rig, 1)
    assert rig.journal.chain.known_nonces == 1


async def test_another_halt_does_not_acknowledge_them(rig: Rig) -> None:
    """The operator who releases an earlier halt has not seen the nonces: the next comparison halts again."""
    await compare_nonces(rig.executor)
    await spend_elsewhere(rig)
    rig.journal.halt("a signer that is gone")
    await compare_nonces(rig.executor)
    rig.journal.resume("operator")
    await compare_nonces(rig.executor)
    assert "nonce 0 was used" in (rig.journal.halt_reason or "")


async def test_a_block_that_is_too_old_is_not_searched_for(rig: Rig) -> None:
    """A node keeps the states of about 128 blocks; the reason is given without a hash then."""
    await compare_nonces(rig.executor)
    await spend_elsewhere(rig)
    await rig.net.rpc.call("anvil_mine", hex(130))
    await compare_nonces(rig.executor)
    assert "does not know: the journal was restored" in (rig.journal.halt_reason or "")


@pytest.mark.parametrize("transactions", [None, 7, True, "all", [None, 3, {"from": WALLET}]])
async def test_a_malformed_block_names_nothing_and_ends_nothing(transactions: Any) -> None:
    """The halt must be written whatever the node shows of the block that used the nonce."""

    class Node:
        async def call(self, method: str, *params: Any) -> Any:
            if method == "eth_getTransactionCount":
                return "0x1" if int(params[1], 16) >= 5 else "0x0"
            return {"eth_blockNumber": "0x8"}.get(method) or {"hash": "0x" + "11" * 32, "transactions": transactions}

        async def batch(self, calls: Any) -> Any:
            raise AssertionError(calls)

    assert "0x" not in await described(cast(JsonRpc, Node()), WALLET, range(0, 1))
    with contextlib.suppress(RpcError):  # the one error that its callers expect
        assert await mined_transaction(Node(), WALLET, 0, 0, 8) is None
