"""From an accepted intent to its end, on a real chain: sent once, followed by every hash, judged by balances."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel.chain.chain_identity import KnownBlock
from sentinel.core.errors import ChainMismatch, JournalError, SignerRefused, SignerUnavailable
from sentinel.core.network import NATIVE, HexHash
from sentinel.core.transaction import Outcome
from sentinel.core.units import GWEI
from tests.execute.rig import Rig


async def test_a_trade_takes_effect_once(rig: Rig) -> None:
    """An executed intent is in flight until a block has it, then it is confirmed with its gas and balance changes."""
    intent = await rig.trade(1)
    assert rig.executor.open_intent == intent
    settled = await rig.follow()
    assert settled.outcome is Outcome.CONFIRMED
    assert rig.executor.open_intent is None
    assert await rig.effects(1) == 1
    assert settled.gas_used > 21_000
    assert settled.gas_cost > 0
    assert settled.realised == {}  # own gas is no change of the native balance
    assert [trade.state for trade in rig.journal.trades(5)] == ["confirmed"]
    rig.journal.verify()


async def test_nonces_go_up_by_one(rig: Rig) -> None:
    """Each intent takes the next nonce, and each takes effect."""
    for tag in (1, 2, 3):
        await rig.trade(tag)
        await rig.follow()
    assert [a.nonce for t in rig.journal.trades(3) for a in rig.journal.attempts(t.intent_id)] == [2, 1, 0]
    assert [await rig.effects(tag) for tag in (1, 2, 3)] == [1, 1, 1]


async def test_one_in_flight(rig: Rig) -> None:
    """A second intent is refused while one is in flight."""
    first = await rig.trade(1)
    with pytest.raises(JournalError):
        await rig.trade(2)
    await rig.executor.execute(first)  # followed already: nothing more is signed or sent
    assert rig.notes.answers == ["sent"]
    await rig.follow()
    assert await rig.effects(2) == 0


async def test_confirmed_only_at_depth(tmp_path: Path) -> None:
    """With three confirmations the first two blocks settle nothing."""
    async with Rig.start(tmp_path, confirmations=3) as rig:
        await rig.trade(1)
        assert await rig.executor.on_head(await rig.mine()) is None
        assert await rig.executor.on_head(await rig.mine()) is None
        settled = await rig.executor.on_head(await rig.mine())
        assert settled is not None
        assert settled.outcome is Outcome.CONFIRMED


async def test_a_revert_is_told(rig: Rig) -> None:
    """A transaction that reverts on the chain ends as reverted, with what it cost."""
    await rig.trade(1, deadline_in=30)
    await rig.net.rpc.call("evm_increaseTime", 60)
    settled = await rig.follow()
    assert (settled.outcome, await rig.effects(1)) == (Outcome.REVERTED, 0)
    assert settled.gas_cost > 0
    block = await rig.net.rpc.call("eth_getBlockByHash", settled.block_hash, False)
    assert settled.mined_at == int(block["timestamp"], 16)


async def test_a_slow_transaction_is_raised(rig: Rig) -> None:
    """After three blocks both caps go up by 12.5 %, same nonce and payload, and the replacement is confirmed."""
    await rig.net.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(20 * GWEI))
    await rig.mine()
    await rig.trade(1, fee=17 * GWEI)
    intent = rig.executor.open_intent
    assert intent is not None
    for _ in range(3):
        await rig.net.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(18 * GWEI))
        assert await rig.executor.on_head(await rig.mine()) is None
    attempts = rig.journal.attempts(intent.id)
    assert len(attempts) == 2
    assert attempts[0].nonce == attempts[1].nonce
    assert attempts[1].fees.max_fee * 8 >= attempts[0].fees.max_fee * 9
    assert attempts[1].fees.priority_fee * 8 >= attempts[0].fees.priority_fee * 9
    settled = await rig.follow()
    assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, attempts[1].tx_hash)
    assert await rig.effects(1) == 1


async def test_an_old_attempt_may_win(rig: Rig) -> None:
    """When the first attempt is mined after a bump, that is the confirmation."""
    await rig.trade(1, fee=100 * GWEI)
    intent = rig.executor.open_intent
    assert intent is not None
    (first,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", first.tx_hash)
    head = await rig.mine(3)
    await rig.executor.on_head(head)
    second = rig.journal.attempts(intent.id)[1]
    await rig.net.rpc.call("anvil_dropTransaction", second.tx_hash)
    await rig.net.rpc.call("eth_sendRawTransaction", "0x" + first.raw.hex())
    settled = await rig.follow()
    assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, first.tx_hash)
    assert await rig.effects(1) == 1


async def test_same_bytes_again(rig: Rig) -> None:
    """A transaction that the node dropped is sent again as the very same bytes after a minute."""
    intent = await rig.trade(1)
    (attempt,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", attempt.tx_hash)
    assert await rig.executor.on_head(await rig.mine()) is None
    rig.offset += 61
    assert await rig.executor.on_head(await rig.mine()) is None
    settled = await rig.follow()
    assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, attempt.tx_hash)
    assert len(rig.journal.attempts(intent.id)) == 1


async def test_without_a_signer_the_signed_bytes_go_on(rig: Rig) -> None:
    """A raise that cannot be signed is an alarm at each head; after a minute the same bytes go again, and are mined."""
    intent = await rig.trade(1)
    (attempt,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", attempt.tx_hash)

    class Dead:
        address = rig.signer.address

        async def sign_transaction(self, *_: object) -> None:
            raise SignerUnavailable("the signer does not answer")

    rig.executor._signer = Dead()  # type: ignore[assignment]
    assert await rig.executor.on_head(await rig.mine(4)) is None
    assert (rig.notes.answers, rig.notes.alarms) == (["sent"], ["unsigned"])
    rig.offset += 61
    settled = await rig.follow()
    assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, attempt.tx_hash)
    assert rig.journal.attempts(intent.id) == (attempt,)


@pytest.mark.parametrize(
    ("rule", "alarm", "halted"),
    [
        ("price", "refused", False),
        ("balance", "refused", False),
        ("loss_today", "signer_day", False),
        ("order_day", "signer_day", False),
        ("order_gap", "refused", False),
        ("order_reserve", "refused", False),
        ("order", "halted", True),
        ("pool", "halted", True),
        ("receipt", "halted", True),
    ],
)
async def test_a_refusal_that_may_be_the_markets_halts_nothing(rig: Rig, rule: str, alarm: str, halted: bool) -> None:
    """By a price, a balance or a cap of the day the intent expires; by a rule on the bytes trading halts too."""

    class Refusing:
        address = rig.signer.address

        async def sign_transaction(self, *_: object) -> None:
            raise SignerRefused(rule, "the signer refuses")

    rig.executor._signer = Refusing()  # type: ignore[assignment]
    await rig.trade(1)
    assert (rig.notes.alarms, rig.journal.halt_reason is not None) == ([alarm], halted)
    assert [settled.outcome for settled, _ in rig.notes.ended] == [Outcome.EXPIRED]


async def test_expiry_takes_the_nonce_back(rig: Rig) -> None:
    """A transaction not mined by its deadline is replaced by a transfer of nothing to oneself."""
    intent = await rig.trade(1, fee=17 * GWEI)
    (first,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", first.tx_hash)
    await rig.jump(130)
    await rig.executor.on_head(await rig.mine())
    settled = await rig.follow()
    assert settled.outcome is Outcome.CANCELLED
    cancel = rig.journal.attempts(intent.id)[-1]
    assert (cancel.cancel, cancel.nonce, settled.tx_hash) == (True, first.nonce, cancel.tx_hash)
    assert settled.gas_used == 21_000
    assert NATIVE not in settled.realised
    assert await rig.effects(1) == 0
    await rig.trade(2)
    assert (await rig.follow()).outcome is Outcome.CONFIRMED


async def test_a_reorg_takes_it_back(tmp_path: Path) -> None:
    """A transaction whose block is rolled back counts as unmined, is sent again at once, and confirms once."""
    async with Rig.start(tmp_path, confirmations=3) as rig:
        intent = await rig.trade(1)
        assert await rig.executor.on_head(await rig.mine()) is None
        await rig.net.rpc.call("anvil_reorg", 1, [])
        assert await rig.effects(1) == 0
        await rig.executor.on_head(await rig.head())
        settled = await rig.follow()
        assert (settled.outcome, await rig.effects(1)) == (Outcome.CONFIRMED, 1)
        assert len(rig.journal.attempts(intent.id)) == 1


async def test_a_foreign_transaction_halts(rig: Rig) -> None:
    """When the key was used elsewhere for our nonce, the intent ends unknown and trading is latched."""
    intent = await rig.trade(1, fee=17 * GWEI)
    (attempt,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", attempt.tx_hash)
    foreign = {"from": rig.signer.address, "to": rig.signer.address, "nonce": hex(attempt.nonce)}
    await rig.net.rpc.call("anvil_impersonateAccount", rig.signer.address)
    await rig.net.rpc.call("eth_sendTransaction", foreign | {"maxFeePerGas": hex(90 * GWEI), "gas": hex(21_000)})
    settled = await rig.follow()
    assert settled.outcome is Outcome.UNKNOWN
    assert "did not sign" in (rig.journal.halt_reason or "")
    assert rig.notes.alarms == ["halted"]


async def test_nothing_is_signed_while_paused(rig: Rig) -> None:
    """An intent accepted just before the operator paused is not signed, and ends expired."""
    rig.journal.halt("operator")
    await rig.trade(1)
    assert rig.executor.open_intent is None
    assert [trade.state for trade in rig.journal.trades(5)] == ["expired"]
    await rig.mine()
    assert await rig.effects(1) == 0


async def test_the_signer_disagrees(rig: Rig) -> None:
    """What the signer refuses is not sent, ends expired, and latches: policy has let something through."""
    await rig.trade(1, deadline_in=10**7)
    assert [trade.state for trade in rig.journal.trades(5)] == ["expired"]
    assert "signer refused" in (rig.journal.halt_reason or "")


async def test_another_chain_behind_the_url(rig: Rig) -> None:
    """Nothing is signed for a chain with another genesis."""
    rig.executor.watch._first = KnownBlock(0, HexHash("0x" + "11" * 32))
    with pytest.raises(ChainMismatch):
        await rig.trade(1)
    assert await rig.net.rpc.call("txpool_status") == {"pending": "0x0", "queued": "0x0"}


async def test_another_chain_gets_no_bytes_a_second_time(rig: Rig) -> None:
    """While no block is settled yet, the first block says whose chain it is: an open trade is not sent again on another
    one."""
    intent = await rig.trade(1)
    await rig.net.rpc.call("anvil_dropAllTransactions")
    rig.executor.watch._first = KnownBlock(0, HexHash("0x" + "11" * 32))
    await rig.jump(60)
    with pytest.raises(ChainMismatch):
        await rig.executor.on_head(await rig.mine())
    assert rig.executor.open_intent == intent
    assert await rig.net.rpc.call("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    assert await rig.effects(1) == 0


async def test_balances_tell_what_happened(rig: Rig) -> None:
    """What the block changed in the wallet is what is recorded, in base units, without the transaction's gas."""
    await rig.trade(1)
    usdc = rig.network.tokens["USDC"].address
    data = "0xa9059cbb" + rig.signer.address[2:].lower().rjust(64, "0") + f"{777:064x}"
    rich = "0x00000000000000000000000000000000000000a1"
    await rig.net.fund(rich, {NATIVE: 10**18, "USDC": 1000})
    await rig.net.rpc.call("anvil_impersonateAccount", rich)
    await rig.net.rpc.call("eth_sendTransaction", {"from": rich, "to": usdc, "data": data, "gas": hex(100_000)})
    await rig.net.rpc.call("eth_sendTransaction", {"from": rich, "to": rig.signer.address, "value": "0x5"})
    settled = await rig.follow()
    assert settled.realised == {"USDC": 777, NATIVE: 5}


def test_the_page_names_every_alarm() -> None:
    """docs/transactions.md has a row for each name that the code rings, and for no other."""
    root = Path(__file__).parents[2]
    page = (root / "docs" / "transactions.md").read_text().split("\n## Alarms")[1]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    code = "\n".join(path.read_text() for path in (root / "sentinel").rglob("*.py"))
    rung = {name for call in re.findall(r"\balarm\((.{1,80})", code) for name in re.findall(r'^"([a-z_]+)"', call)}
    assert rung | {"refused", "unsigned"} == told
