"""A network of legacy transactions: type 0 with one gas price, on a chain before London and on one with a base fee."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from sentinel.chain.fee_market import InclusionPrice
from sentinel.core.actions import Candidate, HoldAction
from sentinel.core.errors import SignerRefused
from sentinel.core.network import NATIVE
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees, Outcome
from sentinel.core.units import GWEI
from sentinel.dex.simulating.batch_engine import simulate
from sentinel.dex.simulating.environment import BlockEnvironments
from sentinel.dex.simulating.trial import Trial
from sentinel.market.contracts import PERMIT2
from sentinel.market.local_market import calldata
from tests.chains import before_london, type_zero
from tests.execute.rig import COUNTER, KEY, Rig

CLEARER = "0x" + "c1" * 20  # sets its first five slots to zero
CLEARER_CODE = "0x" + "".join(f"600060{slot:02x}55" for slot in range(5)) + "00"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig.start(tmp_path, on=before_london()) as started:
        yield started


async def sent(rig: Rig, tx_hash: str | None) -> dict[str, Any]:
    found: dict[str, Any] = await rig.net.rpc.call("eth_getTransactionByHash", tx_hash)
    return found


async def coin(rig: Rig) -> int:
    return int(await rig.net.rpc.call("eth_getBalance", rig.signer.address, "latest"), 16)


async def test_a_trade_is_of_type_0_and_bound_to_the_chain(rig: Rig) -> None:
    """On blocks without a base fee it takes effect once, and costs its gas price, to the wei."""
    before = await coin(rig)
    await rig.trade(1, fee=30 * GWEI, tip=30 * GWEI)
    settled = await rig.follow()
    assert (settled.outcome, await rig.effects(1)) == (Outcome.CONFIRMED, 1)
    tx = await sent(rig, settled.tx_hash)
    assert (tx["type"], int(tx["gasPrice"], 16)) == ("0x0", 30 * GWEI)
    assert int(tx["v"], 16) in (2 * 31337 + 35, 2 * 31337 + 36)  # EIP-155
    assert settled.gas_cost == settled.gas_used * 30 * GWEI == before - await coin(rig)
    assert settled.realised == {}


async def test_a_slow_one_is_raised_as_one_price(rig: Rig) -> None:
    """After three blocks the price is an eighth higher, of the same nonce and payload, and that one is confirmed."""
    intent = await rig.trade(1, fee=30 * GWEI + 1, tip=30 * GWEI + 1)
    (first,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", first.tx_hash)
    await rig.executor.on_head(await rig.mine(3))
    _, second = rig.journal.attempts(intent.id)
    assert (second.nonce, second.fees) == (first.nonce, Fees(33_750_000_002, 33_750_000_002))
    settled = await rig.follow()
    assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, second.tx_hash)
    assert int((await sent(rig, settled.tx_hash))["gasPrice"], 16) == 33_750_000_002
    assert await rig.effects(1) == 1


async def test_a_late_one_is_cancelled_at_a_higher_price(rig: Rig) -> None:
    """Past its deadline a transfer of nothing, of type 0 too, takes the nonce back."""
    intent = await rig.trade(1, fee=30 * GWEI, tip=30 * GWEI)
    (first,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", first.tx_hash)
    await rig.jump(130)
    await rig.executor.on_head(await rig.mine())
    settled = await rig.follow()
    assert (settled.outcome, await rig.effects(1)) == (Outcome.CANCELLED, 0)
    cancel = rig.journal.attempts(intent.id)[-1]
    assert cancel.fees.max_fee == cancel.fees.priority_fee >= 33_750_000_000
    assert settled.gas_cost == 21_000 * cancel.fees.max_fee
    assert (await sent(rig, settled.tx_hash))["type"] == "0x0"


async def test_the_price_is_the_nodes_within_floor_and_cap(rig: Rig) -> None:
    """eth_gasPrice alone is asked for; there is no fee history before London."""
    head = await rig.head()
    told = int(await rig.net.rpc.call("eth_gasPrice"), 16)
    for floor, cap, expected in ((0, None, told), (told + 5, None, told + 5), (0, told - 5, told - 5)):
        inclusion = InclusionPrice(rig.network, floor, cap)
        assert inclusion.price(head, await rig.net.rpc.batch(inclusion.calls(head))) == expected
    assert head.base_fee == 0


async def test_a_simulation_before_london_is_exact(rig: Rig) -> None:
    """Gas with Berlin's refunds, balances and status of each transaction are those of the mined one, in each of the
    environments that a trade is confirmed in."""
    weth, usdc = (rig.network.tokens[symbol].address for symbol in ("WETH", "USDC"))
    allow, revoke = (calldata("approve(address,uint256)", PERMIT2, amount) for amount in (10**9, 0))
    payments = [
        TxRequest(weth, calldata("deposit()"), 10**18, 100_000),
        TxRequest(usdc, allow, 0, 100_000),
        TxRequest(usdc, revoke, 0, 100_000),
        TxRequest(weth, calldata("withdraw(uint256)", 10**18), 0, 100_000),
        TxRequest(CLEARER, b"", 0, 100_000),  # earns back more than half of its gas
        TxRequest(weth, calldata("transfer(address,uint256)", COUNTER, 10**30), 0, 100_000),  # reverts
    ]
    await rig.net.rpc.call("anvil_setCode", CLEARER, CLEARER_CODE)
    for slot in range(5):
        await rig.net.rpc.call("anvil_setStorageAt", CLEARER, f"0x{slot:064x}", f"0x{7:064x}")
    reverted = 0
    for nonce, tx in enumerate(payments):
        head, fees = await rig.head(), Fees(30 * GWEI, 30 * GWEI)
        trials = [
            Trial(*(Candidate(0, HoldAction(""), ""), tx, around.env, None, 0, around.skipped, around.proposer_balance))
            for around in BlockEnvironments(rig.network).final(head, nonce, fees, head.timestamp + 120)
        ]
        told, *others = await simulate(rig.rpc, rig.network, rig.signer.address, trials, None, await coin(rig))
        assert [replace(other, env=told.env) for other in others] == [told, told]
        before = await coin(rig)
        fields = {"to": to_checksum_address(tx.to), "data": tx.data, "value": tx.value, "gas": tx.gas_limit}
        fields |= {"chainId": 31337, "nonce": nonce, "gasPrice": fees.max_fee}
        raw = Account.from_key(KEY).sign_transaction(fields).raw_transaction
        tx_hash = await rig.net.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        await rig.mine()
        receipt = await rig.net.rpc.call("eth_getTransactionReceipt", tx_hash)
        used, paid = int(receipt["gasUsed"], 16), before - await coin(rig)
        assert (told.gas_used, told.revert is None) == (used, receipt["status"] == "0x1"), tx
        assert told.deltas.get(NATIVE, 0) == used * 30 * GWEI - paid
        reverted += told.revert is not None
        if tx.to == CLEARER:
            assert used == 23_015  # 46,030 less half: London left four fifths
    assert reverted == 1


async def test_two_prices_are_not_signed(rig: Rig) -> None:
    """A tip below the cap has no place in a legacy transaction, so whoever asks is mistaken."""
    tx = TxRequest(rig.signer.address, b"", 0, 21_000)
    with pytest.raises(SignerRefused, match="gas price"):
        await rig.signer.sign_transaction(31337, 0, tx, Fees(30 * GWEI, 2 * GWEI))


async def test_a_base_fee_ten_times_as_high_is_caught_up_with(tmp_path: Path) -> None:
    """Type 0 where blocks have a base fee: the raised price is what the next block may ask, and not twice that."""
    async with Rig.start(tmp_path, on=type_zero()) as rig:
        await rig.net.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(10 * GWEI))
        await rig.mine()
        intent = await rig.trade(1, fee=20 * GWEI, tip=20 * GWEI)
        for _ in range(3):
            await rig.net.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
            assert await rig.executor.on_head(await rig.mine()) is None
        first, second = rig.journal.attempts(intent.id)
        assert first.fees == Fees(20 * GWEI, 20 * GWEI)
        assert second.fees == Fees(112_500_000_000, 112_500_000_000)
        settled = await rig.follow()
        assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, second.tx_hash)
        assert settled.gas_cost == settled.gas_used * 112_500_000_000


async def test_at_the_cap_the_same_bytes_go_on(tmp_path: Path) -> None:
    """A gas price that cannot rise an eighth is kept: one attempt, sent again."""
    async with Rig.start(tmp_path, on=before_london()) as rig:
        top = rig.rules.caps.room().max_fee
        rig.rules = replace(rig.rules, resend_after=0.0)
        rig.restart()
        intent = await rig.trade(1, fee=10**15, tip=10**15)
        (first,) = rig.journal.attempts(intent.id)
        assert first.fees == Fees(top, top)
        await rig.net.rpc.call("anvil_dropTransaction", first.tx_hash)
        await rig.executor.on_head(await rig.mine(5))
        assert rig.journal.attempts(intent.id) == (first,)
        settled = await rig.follow()
        assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, first.tx_hash)
