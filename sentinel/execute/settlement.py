"""The settlement of an intent, as it is journaled. Its result is the balance change around its block (I13)."""

from __future__ import annotations

from dataclasses import replace

from sentinel.core.errors import RpcError
from sentinel.core.network import NATIVE
from sentinel.core.transaction import Outcome, Settled
from sentinel.execute.chain_reader import NO_JUDGEMENT, ChainReader
from sentinel.execute.finality import Finality
from sentinel.execute.send_state import Receipt

STATES = 64  # blocks; a full node keeps the states of about 128 and reports older ones as missing
STATES_SECONDS = 600  # least time of these blocks: at 250 ms an endpoint is often away for longer than they last


def settle_unmined(intent_id: str, outcome: Outcome) -> Settled:
    """The settlement of an intent of which no attempt was mined."""
    return Settled(intent_id, outcome, None, None, 0, 0, {})


async def settle_mined(
    watch: ChainReader, finality: Finality, head: tuple[int, int], intent_id: str, outcome: Outcome, receipt: Receipt
) -> tuple[Settled, str | None]:
    """Settle a mined intent.

    Returns the settlement, and a reason to halt if no endpoint has the balances around its block any more. `head` is
    the number and the timestamp of the newest block. Raises RpcError if a later try may still read the balances.
    """
    if finality.beside(receipt.block_hash):  # after a reorg: that intent took the whole balance change
        settled = await watch.settlement_facts(intent_id, outcome, receipt, read=False)
        return replace(settled, realised={NATIVE: receipt.gas_cost}), None
    try:
        return await watch.settlement_facts(intent_id, outcome, receipt), None
    except RpcError as error:
        recent = head[0] - receipt.block_number < STATES or head[1] - receipt.mined_at < STATES_SECONDS
        if error.code in NO_JUDGEMENT or recent:
            raise
        settled = await watch.settlement_facts(intent_id, outcome, receipt, read=False)
        return settled, f"{intent_id} is {outcome}, but its balance changes cannot be read any more: {error}"
