"""Which cycle runs: the one that trades, or while everything is being sold (`stop --flatten`) the one that sells.

Both are over the same market, toolkit, policy, executor and journal; only who proposes and how one proposal is voted
for differ. When nothing more can be sold the sale is over, which is journaled with a pause, and the daemon stops.
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
    """Over one configuration: a reload makes another one, with the same seller."""

    trade: Cycle  # while nothing is to be sold
    sale: Cycle  # what its trader, the seller, proposes
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
            self.log.warning("operator.flattened", left=left, meaning="trading stays paused until it is resumed")
            self.stop()
        return record
