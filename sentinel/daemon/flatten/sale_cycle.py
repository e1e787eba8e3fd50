"""Runs the cycle that trades or, during `stop --flatten`, the cycle that sells.

Both use the same market, toolkit, policy, executor and journal. Only the proposer and the vote differ. The flatten ends
when nothing more can be sold: its end is journaled together with a pause, and the daemon stops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sentinel.core.market_state import Head
from sentinel.core.record import CycleRecord
from sentinel.cycle import Cycle
from sentinel.daemon.flatten.seller import Seller
from sentinel.journal.journal import Journal
from sentinel.observe.logs import Log


@dataclass(frozen=True, slots=True)
class SaleCycle:
    """The two cycles of one configuration. A reload makes another SaleCycle with the same seller."""

    trade: Cycle  # runs while there is no flatten
    sale: Cycle  # its trader is the seller
    seller: Seller
    journal: Journal
    log: Log
    stop: Callable[[], None]

    async def run(self, head: Head) -> CycleRecord:
        standing = self.journal.standing
        if not standing.controls.flatten:
            return await self.trade.run(head)
        self.seller.work_on(standing.since)
        record = await self.sale.run(head)
        self.seller.judged(record)
        if self.seller.finished and standing.controls.flatten:
            left = {symbol: (self.seller.held[symbol], left.reason) for symbol, left in self.seller.left.items()}
            standing.flattened(left, clean=self.seller.clean)
            self.log.warning(
                "operator.flattened", left=left, meaning="trading stays halted until the operator resumes it"
            )
            self.stop()
        return record
