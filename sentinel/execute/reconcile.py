"""At start: take up what an earlier run left unfinished, before anything new is decided.

Nothing is signed again for being restarted (I2): `send_state` looks for a receipt of any hash that was ever committed,
and else sends the very bytes that are in the journal.
"""

from __future__ import annotations

from sentinel.core.market_state import Head
from sentinel.core.transaction import Settled
from sentinel.execute.sender import LiveExecutor


async def reconcile(executor: LiveExecutor, head: Head) -> Settled | None:
    """Adopt the open intent, if any, and do the first thing about it; later heads do the rest.

    Raises Unavailable where the node does not answer: the intent is adopted all the same.
    """
    executor.adopt(next(iter(executor.journal.open_intents()), None))
    return await executor.on_head(head)
