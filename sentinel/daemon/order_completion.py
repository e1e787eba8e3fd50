"""Reports that the order is complete: once, in the log and as a message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sentinel.core.record import CycleRecord
from sentinel.journal.journal import Journal
from sentinel.observe.logs import Log


@dataclass(slots=True)
class OrderCompletion:
    """The journal tells what is complete, so an order that an earlier run completed is not reported again."""

    journal: Journal
    log: Log
    send: Callable[[str], None]  # sends a message of one sentence
    _reported: int | None = field(init=False)  # id of the last order that was completed

    def __post_init__(self) -> None:
        completed = self.journal.orders.last_completed()
        self._reported = None if completed is None else completed.id

    def cycle_done(self, record: CycleRecord) -> None:
        if record.played is None:  # an order is found complete only where it is played
            return
        order = self.journal.orders.last_completed()
        if order is None or order.id == self._reported:
            return
        self._reported = order.id
        trades = len(self.journal.order_fills.fills(order.hash))
        self.log.warning("order.complete", hash=order.hash, reading=order.reading, trades=trades)
        count = f"{trades:,} trade{'' if trades == 1 else 's'}"
        self.send(f"the order is complete: {order.reading.removesuffix('.')}, {count}")
