"""Reports that the order is complete: in the log and as a message, which the journal notes once somebody has it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from sentinel.core.errors import JournalError
from sentinel.core.record import CycleRecord
from sentinel.journal.journal import Journal
from sentinel.observe.logs import Log

Send = Callable[[str, Callable[[], None]], None]  # a message of one sentence, and what to call when it was sent


@dataclass(slots=True)
class OrderCompletion:
    """What a run reported and could not send before it ended, the next one reports again.

    A dry run reports nothing: the order of a live one is not its own.
    """

    journal: Journal
    log: Log
    send: Send
    live: bool = True
    _reported: int = field(init=False)  # id of the last order that was reported, by any run

    def __post_init__(self) -> None:
        self._reported = self.journal.orders.last_reported

    def cycle_done(self, record: CycleRecord) -> None:
        order = self.journal.orders.last_completed()
        if not self.live or order is None or order.id <= self._reported:
            return
        self._reported = order.id
        trades = len(self.journal.order_fills.fills(order.hash))
        self.log.warning("order.complete", hash=order.hash, reading=order.reading, trades=trades)
        count = f"{trades:,} trade{'' if trades == 1 else 's'}"
        text = f"the order is complete: {order.reading.removesuffix('.')}, {count}"
        self.send(text, lambda: self._note(order.id))

    def _note(self, order_id: int) -> None:
        with contextlib.suppress(JournalError):  # which ends the daemon at its next record; then it is reported again
            self.journal.orders.reported(order_id)
