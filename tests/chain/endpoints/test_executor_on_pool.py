"""The executor over several endpoints: bytes go to all of them, and none alone decides what became of a trade."""

from __future__ import annotations

from typing import Any

import pytest

from lab.faults import SEND, AlteredReply, CutRequest, DelayedReply, LostReply, RpcErrorReply, lies
from sentinel.core.errors import Unavailable
from sentinel.core.transaction import Outcome
from tests.chain.endpoints.bench import Bench


async def test_the_same_bytes_go_to_all_of_them(three: Bench) -> None:
    """One that loses the reply and one that refuses do not hide that the third has it; each is asked once."""
    await three.pool.look()
    three.proxies[0].add(SEND, LostReply(), times=1)
    three.proxies[1].add(SEND, RpcErrorReply(-32000, "nonce too low"), times=1)
    intent = await three.rig.trade(1)
    assert three.calls(SEND) == [1, 1, 1]
    assert len({raw for proxy in three.proxies for raw in proxy.offered}) == 1
    assert three.rig.notes.answers in (["known"], ["sent"])  # one node behind all: one proxy's "sent" is ours too
    assert (await three.rig.follow()).outcome is Outcome.CONFIRMED
    assert await three.rig.effects(1) == 1
    assert len(three.rig.journal.attempts(intent.id)) == 1


async def test_who_never_showed_the_chain_gets_no_bytes(two: Bench) -> None:
    """An endpoint that did not say yet which chain it serves is given nothing to send; once it has, it is."""
    two.proxies[1].add("eth_chainId", CutRequest(), times=2)
    await two.rig.trade(1)
    assert two.states() == ["current", "healthy"]
    assert two.calls(SEND) == [1, 0]
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED
    await two.rig.trade(2)
    assert two.calls(SEND) == [2, 1]
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED


async def test_the_highest_nonce_counts(two: Bench) -> None:
    """I4: the current endpoint lags behind by our last transaction; the other one's count is taken."""
    await two.rig.trade(1)
    await two.rig.follow()
    two.proxies[0].add("eth_getTransactionCount", lies.stale_nonce())
    intent = await two.rig.trade(2)
    assert [attempt.nonce for attempt in two.rig.journal.attempts(intent.id)] == [1]
    assert two.rig.notes.alarms == []
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED
    assert await two.rig.effects(2) == 1


async def test_a_receipt_from_any_endpoint(two: Bench) -> None:
    """The current endpoint knows no receipts, or another's; the other one's is canonical there and settles."""
    for tag, lie in enumerate((lies.no_receipts(), lies.foreign_receipts()), 1):
        lying = two.proxies[0].add("eth_getTransactionReceipt", lie)
        await two.rig.trade(tag)
        assert (await two.rig.follow(1)).outcome is Outcome.CONFIRMED
        assert await two.rig.effects(tag) == 1
        two.proxies[0].remove(lying)


async def test_another_branch_at_the_current_endpoint(three: Bench) -> None:
    """Two endpoints' receipt outweighs the current one's, and balances are read where its block is known."""
    three.proxies[0].add("*", lies.other_heads())
    await three.rig.trade(1)
    settled = await three.rig.follow(1)
    assert (settled.outcome, settled.block_hash) == (Outcome.CONFIRMED, (await three.rig.head()).hash)
    assert await three.rig.effects(1) == 1


async def test_with_two_another_branch_holds(two: Bench) -> None:
    """Nobody can tell which of two is right: where the balances of the told block are unknown nothing is settled."""
    lying = two.proxies[0].add("*", lies.other_heads())
    intent = await two.rig.trade(1)
    with pytest.raises(Unavailable):
        await two.rig.executor.on_head(await two.rig.mine())
    assert two.rig.executor.open_intent == intent
    two.proxies[0].remove(lying)
    assert (await two.rig.follow(1)).outcome is Outcome.CONFIRMED
    assert await two.rig.effects(1) == 1


async def test_one_that_lies_about_a_foreign_transaction_halts_nothing(two: Bench) -> None:
    """A used nonce without a receipt is believed only when no endpoint denies it."""

    def ahead(call: dict[str, Any], result: Any) -> Any:
        return hex(int(result, 16) + 5)

    await two.rig.trade(1)
    two.proxies[0].add("eth_getTransactionCount", AlteredReply({"eth_getTransactionCount": ahead}))
    two.proxies[0].add("eth_getTransactionReceipt", lies.no_receipts())
    two.proxies[1].add("eth_getTransactionReceipt", lies.no_receipts())
    for _ in range(2):  # at the third block the honest endpoint would call the nonce used too
        assert await two.rig.executor.on_head(await two.rig.mine()) is None
    assert two.rig.journal.halt_reason is None
    for proxy in two.proxies:
        proxy.faults.clear()
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED


async def test_a_slow_endpoint_delays_nobody_for_long(two: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once one has answered the others have a moment; whoever is later counts as failed."""
    monkeypatch.setattr("sentinel.chain.endpoints.counted_client.PATIENCE", 0.2)
    await two.pool.look()
    two.proxies[1].add("eth_getTransactionCount", DelayedReply(0.9))
    assert await two.rig.executor.watch.mined_nonce() == (0, 0)
    (_, slow) = two.pool.status()
    assert slow.state == "healthy"
    for _ in range(2):
        await two.rig.executor.watch.mined_nonce()
    assert two.states() == ["current", "resting"]


async def test_all_down_is_unavailable_and_then_it_goes_on(two: Bench) -> None:
    """With no endpoint answering nothing is signed; the next head that comes through trades."""
    intent = await two.rig.accepted(1)
    down = [proxy.add("*", CutRequest()) for proxy in two.proxies]
    await two.rig.executor.execute(intent)
    assert two.rig.journal.attempts(intent.id) == ()
    assert two.rig.notes.alarms == ["unsent"]
    for proxy, fault in zip(two.proxies, down, strict=True):
        proxy.remove(fault)
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED
    assert await two.rig.effects(1) == 1
