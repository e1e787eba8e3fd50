"""How an intent ended, as it is journaled: what it brought is read from the balances around its block (I13)."""

from __future__ import annotations

from dataclasses import replace

from sentinel.core.errors import RpcError
from sentinel.core.network import NATIVE
from sentinel.core.transaction import Outcome, Settled
from sentinel.execute.chain_reader import NO_JUDGEMENT, ChainReader
from sentinel.execute.finality import Finality
from sentinel.execute.send_state import Receipt

STATES = 64  # blocks; a full node keeps the state of about 128, and then says that it has it no more


def settle_unmined(intent_id: str, outcome: Outcome) -> Settled:
    return Settled(intent_id, outcome, None, None, 0, 0, {})


async def settle_mined(
    watch: ChainReader, finality: Finality, head: int, intent_id: str, outcome: Outcome, receipt: Receipt
) -> tuple[Settled, str | None]:
    """And why trading must pause, where what it brought can be read by nobody any more.

    `head`: number of the newest block. Raises RpcError where it may be read at another time.
    """
    if finality.beside(receipt.block_hash):  # after a reorg: the block's whole change is the other one's already
        settled = await watch.settlement_facts(intent_id, outcome, receipt, read=False)
        return replace(settled, realised={NATIVE: receipt.gas_cost}), None
    try:
        return await watch.settlement_facts(intent_id, outcome, receipt), None
    except RpcError as error:
        if error.code in NO_JUDGEMENT or head - receipt.block_number < STATES:
            raise
        settled = await watch.settlement_facts(intent_id, outcome, receipt, read=False)
        return settled, f"{intent_id} is {outcome}, but what it brought cannot be read any more: {error}"
