"""The settlement of an intent, as it is journaled. Its result is the balance change around its block (I13)."""

from __future__ import annotations

from dataclasses import replace

from sentinel.chain import replies
from sentinel.core.errors import RpcError
from sentinel.core.network import NATIVE
from sentinel.core.transaction import Outcome, Settled
from sentinel.execute.chain_reader import ChainReader
from sentinel.execute.finality import Finality
from sentinel.execute.send_state import Receipt

JUDGED_AFTER = 64  # blocks after which the chain's own judgement on a read of balances is accepted
JUDGED_AFTER_SECONDS = 600  # minimum time of these blocks: at 250 ms an endpoint is often away for longer


def settle_unmined(intent_id: str, outcome: Outcome) -> Settled:
    """The settlement of an intent of which no attempt was mined."""
    return Settled(intent_id, outcome, None, None, 0, 0, {})


async def settle_mined(
    watch: ChainReader, finality: Finality, head: tuple[int, int], intent_id: str, outcome: Outcome, receipt: Receipt
) -> tuple[Settled, str | None]:
    """Settle a mined intent.

    Returns the settlement, and a reason to halt if the chain itself answers that the balances around its block cannot
    be read. `head` is the number and the timestamp of the newest block. Raises RpcError if a later try, or another
    endpoint, may still read them: then the intent stays open, and an alarm follows once it is overdue (I9).
    """
    if finality.beside(receipt.block_hash):  # after a reorg: that intent took the whole balance change
        settled = await watch.settlement_facts(intent_id, outcome, receipt, read=False)
        return replace(settled, realised={NATIVE: receipt.gas_cost}), None
    try:
        return await watch.settlement_facts(intent_id, outcome, receipt), None
    except RpcError as error:
        what = f"{intent_id} is {outcome} in block {receipt.block_number}, but its balance changes cannot be read"
        recent = head[0] - receipt.block_number < JUDGED_AFTER or head[1] - receipt.mined_at < JUDGED_AFTER_SECONDS
        if recent or not replies.is_answer(error):
            raise RpcError(f"{what} yet, which an endpoint with the state of that block could: {error}") from error
        settled = await watch.settlement_facts(intent_id, outcome, receipt, read=False)
        return settled, f"{what}: {error}"
