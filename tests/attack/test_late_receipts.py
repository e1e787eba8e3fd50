"""Receipts that come late, on a real chain: a trade of ours that was mined is no stranger's, and gets its amounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.faults import AlteredReply, FaultProxy, lies
from sentinel.chain.rpc import Rpc
from sentinel.core.network import NATIVE
from sentinel.core.transaction import Outcome, Settled
from sentinel.decide.operator_controls import Purpose
from tests.attack_tally import Tries
from tests.execute.rig import GWEI, Rig

pytestmark = pytest.mark.attack("absence that becomes a fact", "contained")
RECEIPT, BY_HASH, BLOCK = "eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_getBlockByNumber"


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[tuple[Rig, FaultProxy]]:
    async with Rig.start(tmp_path) as rig, FaultProxy(rig.net.rpc_url) as proxy, Rpc(proxy.url, timeout=2.0) as rpc:
        rig.rpc = rpc
        rig.restart()
        yield rig, proxy


async def blocks(rig: Rig, count: int, seconds: int = 2) -> Settled | None:
    """So many blocks, so far apart; what they settled."""
    for _ in range(count):
        await rig.jump(seconds)
        if (settled := await rig.executor.on_head(await rig.mine())) is not None:
            return settled
    return None


async def with_income(rig: Rig, tag: int) -> None:
    """A trade whose block also brings the wallet 777 USDC, so that its amounts can be told."""
    await rig.trade(tag, deadline_in=10_000)
    usdc, rich = rig.network.tokens["USDC"].address, "0x00000000000000000000000000000000000000a1"
    await rig.net.fund(rich, {NATIVE: 10**18, "USDC": 777})
    await rig.net.rpc.call("anvil_impersonateAccount", rich)
    data = "0xa9059cbb" + rig.signer.address[2:].lower().rjust(64, "0") + f"{777:064x}"
    await rig.net.rpc.call("eth_sendTransaction", {"from": rich, "to": usdc, "data": data, "gas": hex(100_000)})


def no_transactions() -> AlteredReply:
    """A node whose index of transactions is behind as well."""
    return AlteredReply({BY_HASH: lambda call, result: None})


def empty_blocks() -> AlteredReply:
    """A node that shows nothing of what its blocks hold."""
    return AlteredReply({BLOCK: lambda call, result: result and {**result, "transactions": []}})


async def test_a_receipt_that_is_indexed_late_ends_it_confirmed(behind: tuple[Rig, FaultProxy], tries: Tries) -> None:
    """40 blocks of 2 s without receipts, then without any index of transactions: open, with one alarm, nothing signed
    anew and trading not halted. The receipt confirms it with its amounts, although the balances are pruned by then."""
    rig, proxy = behind
    for tag, hidden in enumerate(((RECEIPT, lies.no_receipts()), (BY_HASH, no_transactions())), 1):
        late = [proxy.add(RECEIPT, lies.no_receipts()), proxy.add(*hidden)]
        rig.notes.alarms.clear()
        await with_income(rig, tag)
        assert await blocks(rig, 40) is None
        assert rig.executor.open_intent is not None
        assert rig.notes.alarms == ["receipt_missing"]
        assert rig.journal.halt_reason is None
        for fault in late:
            proxy.remove(fault)
        pruned = proxy.add("eth_call", AlteredReply({"eth_call": lambda call, result: "0x"}))
        settled = await blocks(rig, 1)
        proxy.remove(pruned)
        assert settled is not None
        assert (settled.outcome, settled.realised) == (Outcome.CONFIRMED, {"USDC": 777})
        assert len(rig.journal.attempts(settled.intent_id)) == 1
        assert await rig.effects(tag) == 1
        tries.contained()


async def test_what_ended_as_unknown_goes_on_by_a_late_receipt(behind: tuple[Rig, FaultProxy]) -> None:
    """Nothing shows the transaction for long: blocks alone or time alone end nothing, both end it as unknown with a
    halt that says so. Its receipt then confirms it with its amounts, also after a restart; the operator resumes."""
    rig, proxy = behind
    hidden = [proxy.add(RECEIPT, lies.no_receipts()), proxy.add(BY_HASH, no_transactions())]
    hidden.append(proxy.add(BLOCK, empty_blocks()))
    await with_income(rig, 1)
    assert await blocks(rig, 20, seconds=0) is None
    rig.offset += 1_000
    assert await blocks(rig, 1, seconds=0) is None  # our clock jumped, the chain's did not
    settled = await blocks(rig, 20, seconds=20)
    assert settled is not None
    assert settled.outcome is Outcome.UNKNOWN
    assert "no endpoint shows" in (rig.journal.halt_reason or "")
    assert rig.executor.open_intent is None
    assert await blocks(rig, 3) is None
    rig.restart()
    for fault in hidden:
        proxy.remove(fault)
    settled = await blocks(rig, 1)
    assert settled is not None
    assert (settled.outcome, settled.realised) == (Outcome.CONFIRMED, {"USDC": 777})
    assert rig.notes.alarms == ["receipt_late"]
    assert rig.journal.summary().confirmed == 1
    assert rig.journal.bar(Purpose.TRADE) is not None
    rig.journal.resume("operator")
    rig.journal.verify()
    await rig.trade(2, deadline_in=10_000)
    assert (await rig.follow()).outcome is Outcome.CONFIRMED


async def test_a_foreign_transaction_is_named(behind: tuple[Rig, FaultProxy]) -> None:
    """A block shows another transaction with the nonce: that is a fact, and the halt says which it was."""
    rig, proxy = behind
    intent = await rig.trade(1, fee=17 * GWEI)
    (attempt,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", attempt.tx_hash)
    await rig.net.rpc.call("anvil_impersonateAccount", rig.signer.address)
    given = {"from": rig.signer.address, "to": rig.signer.address, "nonce": hex(attempt.nonce), "gas": hex(21_000)}
    foreign = await rig.net.rpc.call("eth_sendTransaction", given | {"maxFeePerGas": hex(90 * GWEI)})
    settled = await blocks(rig, 14)
    assert settled is not None
    assert settled.outcome is Outcome.UNKNOWN
    assert str(foreign) in (rig.journal.halt_reason or "")
    assert proxy.calls[BY_HASH] > 0
    assert await blocks(rig, 5) is None
    assert rig.executor.open_intent is None
