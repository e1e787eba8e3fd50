"""After a restart an intent goes on from what the journal has: nothing is signed twice, and nothing is lost."""

from __future__ import annotations

from sentinel.core.transaction import Intent, Outcome
from sentinel.execute.reconcile import reconcile
from tests.execute.rig import STATE, Rig, decision


async def test_a_restart_sends_the_same_bytes(rig: Rig) -> None:
    """After a restart the journaled bytes are sent, though the fee settings changed and the node had lost them."""
    intent = await rig.trade(1)
    before = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", before[0].tx_hash)
    rig.rules = type(rig.rules)(1, 1, 1.0, rig.rules.caps)
    rig.restart()
    await reconcile(rig.executor, await rig.head())
    assert rig.executor.open_intent == intent
    settled = await rig.follow()
    assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, before[0].tx_hash)
    assert rig.journal.attempts(intent.id) == before


async def test_a_restart_finds_the_receipt(rig: Rig) -> None:
    """What was mined while we were away is settled at the first look, and not sent again."""
    await rig.trade(1)
    await rig.mine()
    rig.restart()
    settled = await reconcile(rig.executor, await rig.head())
    assert settled is not None
    assert settled.outcome is Outcome.CONFIRMED
    assert rig.notes.answers == []


async def accepted_only(rig: Rig, deadline_in: float) -> Intent:
    """As if killed between the journal's commit and the signing."""
    act = decision(1, int(rig.clock() + deadline_in), await rig.head())
    intent = await rig.executor.prepare(act, STATE)
    rig.journal.accept(None, intent)
    rig.restart()
    return intent


async def test_an_accepted_intent_is_not_lost(rig: Rig) -> None:
    """What was accepted but not yet signed is signed after a restart, inside its deadline, and takes effect once."""
    await accepted_only(rig, 60)
    await reconcile(rig.executor, await rig.head())
    settled = await rig.follow()
    assert (settled.outcome, await rig.effects(1)) == (Outcome.CONFIRMED, 1)


async def test_an_accepted_intent_expires(rig: Rig) -> None:
    """Found after its deadline it expires, and nothing was signed for it."""
    intent = await accepted_only(rig, -5)
    settled = await reconcile(rig.executor, await rig.head())
    assert settled is not None
    assert settled.outcome is Outcome.EXPIRED
    assert rig.journal.attempts(intent.id) == ()


async def test_an_accepted_intent_is_looked_at_again(rig: Rig) -> None:
    """Held up by a restart, it is sent only if its bytes still pass; else it expires."""

    async def no_longer(_: Intent) -> bool:
        return False

    await accepted_only(rig, 60)
    rig.executor._recheck = no_longer
    settled = await reconcile(rig.executor, await rig.head())
    assert settled is not None
    assert settled.outcome is Outcome.EXPIRED
