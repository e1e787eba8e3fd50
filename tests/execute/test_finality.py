"""A reorg deeper than our confirmations, on a real chain: what had been settled is open again, and ends once."""

from __future__ import annotations

import pytest

from sentinel.core.errors import RpcError
from sentinel.core.network import NATIVE
from sentinel.core.transaction import Attempt, Outcome
from sentinel.execute.finality import Finality, finality_depth
from sentinel.execute.reconcile import reconcile
from tests.execute.rig import Rig


async def rolled_back(rig: Rig, blocks: int) -> None:
    """Anvil forgets a rolled back transaction where geth would take it into its pool again."""
    await rig.net.rpc.call("anvil_rollback", blocks)
    await rig.net.rpc.call("evm_mine")


async def test_a_settled_trade_whose_block_goes_is_sent_again_and_settled_once_more(rig: Rig) -> None:
    """Confirmed at depth 1, then rolled back: the same bytes are sent, it takes effect once, its profit counts once."""
    intent = await rig.trade(1)
    await rig.follow()
    (attempt,) = rig.journal.attempts(intent.id)
    await rolled_back(rig, 1)
    assert await rig.effects(1) == 0
    assert await rig.executor.on_head(await rig.head()) is None
    assert rig.executor.open_intent == intent
    assert rig.notes.alarms == ["reopened"]
    settled = await rig.follow()
    assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, attempt.tx_hash)
    assert await rig.effects(1) == 1
    assert rig.journal.attempts(intent.id) == (attempt,)
    assert rig.journal.summary().confirmed == 1
    rig.journal.verify()


async def test_the_hole_below_what_is_in_flight_is_filled_first(rig: Rig) -> None:
    """Two settled trades lose their blocks while a third is pending: all three end in the order of their nonces."""
    for tag in (1, 2):
        await rig.trade(tag)
        await rig.follow()
    third = await rig.trade(3)
    await rolled_back(rig, 2)
    ended = []
    for _ in range(12):
        if (settled := await rig.executor.on_head(await rig.mine())) is not None:
            ended.append(settled)
    assert [settled.outcome for settled in ended] == [Outcome.CONFIRMED] * 3
    assert ended[-1].intent_id == third.id
    assert [await rig.effects(tag) for tag in (1, 2, 3)] == [1, 1, 1]
    assert rig.executor.open_intent is None
    rig.journal.verify()


async def test_past_its_deadline_the_hole_is_filled_by_a_cancel(rig: Rig) -> None:
    """What lost its block is not traded after its deadline: a transfer to oneself takes the nonce."""
    await rig.trade(1)
    await rig.follow()
    await rolled_back(rig, 1)
    await rig.jump(130)
    settled = await rig.follow()
    assert settled.outcome is Outcome.CANCELLED
    assert await rig.effects(1) == 0
    await rig.trade(2)
    assert (await rig.follow()).outcome is Outcome.CONFIRMED


async def test_a_restart_finds_the_reorg_too(rig: Rig) -> None:
    """Rolled back while no daemon ran: the next start opens it again before anything new may begin."""
    intent = await rig.trade(1)
    await rig.follow()
    await rolled_back(rig, 1)
    rig.restart()
    await reconcile(rig.executor, await rig.head())
    assert rig.executor.open_intent == intent
    assert (await rig.follow()).outcome is Outcome.CONFIRMED
    assert await rig.effects(1) == 1


async def test_a_reorg_that_keeps_the_trade_in_another_block_is_settled_from_there(rig: Rig) -> None:
    """The amounts of another block may be others, so they are read anew."""
    intent = await rig.trade(1)
    before = await rig.follow()
    (attempt,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_rollback", 1)
    await rig.net.rpc.call("evm_increaseTime", 7)
    await rig.net.rpc.call("eth_sendRawTransaction", "0x" + attempt.raw.hex())
    after = await rig.follow()
    assert after.tx_hash == before.tx_hash
    assert after.block_hash != before.block_hash
    assert rig.journal.summary().confirmed == 1
    rig.journal.verify()


@pytest.mark.parametrize(("block_time", "blocks"), [(0.25, 3600), (2.0, 450), (12.0, 75), (30.0, 64), (0.0, 64)])
def test_final_by_depth_takes_blocks_and_time(block_time: float, blocks: int) -> None:
    """Without a finalized block: 64 blocks, and a quarter of an hour of them."""
    assert finality_depth(block_time) == blocks


async def test_a_node_that_lags_takes_nothing_back(rig: Rig) -> None:
    """A head below the block of a settled trade says nothing about it."""
    await rig.trade(1)
    before = await rig.head()
    await rig.follow()
    assert await rig.executor.on_head(before) is None
    assert rig.notes.alarms == []
    assert rig.journal.summary().confirmed == 1


async def test_a_journal_without_block_hashes_becomes_final_by_number(rig: Rig) -> None:
    """As earlier versions wrote them: they are not watched, stand in nobody's way, and are never taken back."""
    for tag in (1, 2):
        await rig.trade(tag)
        await rig.follow()
    rig.journal._ledger.execute(
        "UPDATE records SET body = json_remove(body, '$.settled.block_hash', '$.settled.unread') WHERE kind = 'settled'"
    )
    finality = Finality(rig.journal, rig.executor.watch)
    assert await finality.look(await rig.head()) == ()
    assert len(rig.journal.not_final()) == 2
    await rig.net.rpc.call("anvil_mine", hex(70))
    assert await finality.look(await rig.head()) == ()
    assert rig.journal.not_final() == ()


async def test_an_intent_that_a_reorg_overtakes_waits_for_it(rig: Rig) -> None:
    """Accepted, and before it is executed an earlier one loses its block: nothing raises, and both end in turn."""
    await rig.trade(1)
    await rig.follow()
    intent = await rig.accepted(2)
    await rolled_back(rig, 1)
    await rig.executor.on_head(await rig.head())
    await rig.executor.execute(intent)
    assert rig.journal.attempts(intent.id) == ()
    assert (await rig.follow()).intent_id != intent.id
    assert (await rig.follow()).intent_id == intent.id
    assert [await rig.effects(tag) for tag in (1, 2)] == [1, 1]


async def test_two_of_ours_in_one_block_count_its_change_once(rig: Rig) -> None:
    """Re-mined together after a reorg: what the wallet gained in that block is booked with one of them alone."""
    attempts: list[Attempt] = []
    for tag in (1, 2):
        intent = await rig.trade(tag)
        await rig.follow()
        attempts += rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_rollback", 2)
    await rig.net.rpc.call("evm_increaseTime", 3)
    for attempt in attempts:
        await rig.net.rpc.call("eth_sendRawTransaction", "0x" + attempt.raw.hex())
    settled = [await rig.follow(), await rig.follow()]
    assert len({one.block_hash for one in settled}) == 1
    whole = sum(one.realised.get(NATIVE, 0) - one.gas_cost for one in settled)
    block = settled[0].block_number or 0
    before, after = [
        int(await rig.net.rpc.call("eth_getBalance", rig.signer.address, hex(number)), 16)
        for number in (block - 1, block)
    ]
    assert whole == after - before


async def test_what_the_chain_says_cannot_be_read_ends_and_pauses(rig: Rig) -> None:
    """The read itself runs out of gas, past 64 blocks too: the trade is settled by its receipt, and trading halts."""
    await rig.trade(1)
    await rig.net.rpc.call("anvil_mine", hex(5))
    read = rig.executor.watch._balances

    async def judged(block: str) -> dict[str, int]:
        raise RpcError("eth_call: out of gas", code=-32000)

    rig.executor.watch._balances = judged  # type: ignore[method-assign]
    with pytest.raises(RpcError):
        await rig.executor.on_head(await rig.head())
    await rig.net.rpc.call("anvil_mine", hex(70))
    with pytest.raises(RpcError):  # 70 blocks are nothing on a chain where they take seconds
        await rig.executor.on_head(await rig.head())
    await rig.net.rpc.call("evm_increaseTime", 601)
    await rig.mine()
    settled = await rig.executor.on_head(await rig.head())
    rig.executor.watch._balances = read  # type: ignore[method-assign]
    assert settled is not None
    assert (settled.outcome, settled.unread, settled.realised) == (Outcome.CONFIRMED, True, {})
    assert "cannot be read" in (rig.journal.halt_reason or "")
    assert rig.journal.trades(1)[0].shortfall_bps is None


async def test_beyond_the_finalized_block_nothing_is_asked_any_more(rig: Rig) -> None:
    """Anvil calls a block final 64 blocks on: from there the trade is final, and no head costs a request for it."""
    await rig.trade(1)
    await rig.follow()
    await rig.net.rpc.call("anvil_mine", hex(70))
    await rig.executor.on_head(await rig.head())
    assert rig.journal.not_final() == ()

    class Deaf:
        async def finalized(self, *_: object) -> None:
            raise AssertionError("asked for what is final")

    assert await Finality(rig.journal, Deaf()).look(await rig.head()) == ()  # type: ignore[arg-type]
