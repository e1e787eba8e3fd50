"""Watches intents that have ended: a deep reorg or a late receipt opens them again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from sentinel.core.errors import RpcError
from sentinel.core.market_state import Head
from sentinel.core.transaction import Outcome, Settled
from sentinel.execute.chain_reader import ChainReader
from sentinel.execute.execution_ports import ExecutionObserver
from sentinel.execute.finality import Finality, finality_depth
from sentinel.execute.late_receipts import LateReceipts
from sentinel.journal.journal import Journal


class SettledWatch:
    """The ended intents of one wallet. `block_time` is in seconds."""

    def __init__(
        self,
        journal: Journal,
        reader: ChainReader,
        block_time: float,
        observer: ExecutionObserver,
        clock: Callable[[], float],
    ) -> None:
        self.finality = Finality(journal, reader, finality_depth(block_time))
        self._late = LateReceipts(journal, reader, clock)
        self._journal = journal
        self._observer = observer

    def ended(self, settled: Settled) -> None:
        """Watch an intent that has just ended."""
        self.finality.ended(settled)
        if settled.outcome is Outcome.UNKNOWN:
            self._late.ended()

    async def look(self, head: Head) -> bool:
        """Reopen the intents that a deep reorg took back, and unknown ones whose receipt came late.

        Returns whether there are any; the chain takes the lowest of their nonces next. An endpoint that does not answer
        is asked again at the next head, and the open intent does not wait for it.
        """
        lost: tuple[str, ...] = ()
        late: tuple[str, ...] = ()
        with contextlib.suppress(RpcError):
            lost = await self.finality.look(head)
        with contextlib.suppress(RpcError):
            late = await self._late.look(head)
        if lost:
            self._journal.reopen(lost, f"block {head.number} does not build upon the block that they were settled in")
            self._observer.alarm("reopened", f"{', '.join(lost)}: a reorg took back their settlement")
        if late:
            self._journal.reopen(late, f"at block {head.number} there is a receipt of an attempt")
            self._observer.alarm("receipt_late", f"{', '.join(late)}: ended as unknown, and was mined after all")
        return bool(lost or late)
