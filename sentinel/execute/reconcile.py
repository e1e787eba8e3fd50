"""Reconciliation at start: adopt the open intent of an earlier run before anything new is decided.

A restart signs nothing again (I2). `send_state` looks for a receipt of every committed attempt. If none is mined, the
bytes from the journal are sent again.
"""

from __future__ import annotations

from sentinel.core.market_state import Head
from sentinel.core.transaction import Settled
from sentinel.execute.sender import LiveExecutor


async def compare_nonces(executor: LiveExecutor) -> None:
    """Halt trading if the chain counts transactions of the wallet that the journal does not know.

    Call it before the first `reconcile`, because a restored journal must not decide on its own copy of the past.
    Raises Unavailable and ChainMismatch.
    """
    lowest, _ = await executor.watch.mined_nonce()
    await executor.foreign_nonces(lowest)


async def reconcile(executor: LiveExecutor, head: Head) -> Settled | None:
    """Adopt the open intent, if any, and take its next step. Returns its settlement if that step ended it.

    Later heads do the rest. Raises Unavailable if the node does not answer; the intent is adopted even then.
    """
    executor.adopt(next(iter(executor.journal.open_intents()), None))
    return await executor.on_head(head)
