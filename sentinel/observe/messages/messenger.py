"""Messages about fills, refusals, alarms, pauses and the day. Bounded, and no cycle waits for them.

Each target has an outbox and a task of its own, so that one that is slow or that refuses holds no other up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from sentinel.core.decision import Hold, HoldReason
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Settled
from sentinel.core.units import DAY, HOUR
from sentinel.observe import plain_words
from sentinel.observe.logs import Log
from sentinel.observe.messages.delivery import LOOK, Delivery
from sentinel.observe.messages.outbox import Message

LAST_WORDS = 3.0  # seconds that a stop waits for halts and alarms


class Messenger:
    """A service of the daemon. `summary` returns the text about the day that ended; it is sent at `hour` (UTC)."""

    def __init__(
        self,
        deliveries: Sequence[Delivery],
        network: Network,
        log: Log,
        *,
        events: Sequence[str],
        hour: int,
        paused: Callable[[], str | None],
        summary: Callable[[], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._deliveries, self._network, self._log = deliveries, network, log
        self._events, self._hour, self._paused, self._summary, self._clock = events, hour, paused, summary, clock
        self._halt: str | None = None
        self._day = self._due()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """A halt of an earlier run is sent too: that run may have ended before its message was."""
        for delivery in self._deliveries:
            delivery.start()
        self._watching = asyncio.create_task(self._watch(), name="messages about the halt")
        self.tell("service", "started", f"{self._network.name}, chain {self._network.chain_id}")

    async def stop(self) -> None:
        """Halts and alarms have 3 s; all else that waits is dropped: a stop must not wait for a foreign server."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
            self._look()
        end = time.monotonic() + LAST_WORDS
        while any(delivery.urgent for delivery in self._deliveries) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for delivery in self._deliveries:
            await delivery.stop()

    def tell(self, event: str, title: str, text: str, sent: Callable[[], None] = lambda: None) -> None:
        """Queue a message for each target if `event` is enabled. Returns at once.

        `sent` is called by each delivery that got it through, and here if nobody is to have it.
        """
        if event not in self._events or not self._deliveries:
            sent()
            return
        for delivery in self._deliveries:
            delivery.put(Message(event, f"Sentinel: {title}", text, sent))

    # ------------------------------------------------------------ events

    def cycle_done(self, record: CycleRecord) -> None:
        decided = record.decision
        if isinstance(decided, Hold) and (decided.reason is HoldReason.REFUSED or _all_refused(record, decided)):
            self.tell("refusals", "refused", plain_words.cycle(record, self._network))
        self._look()
        if (day := self._due()) != self._day:
            self._day = day
            self._tell_day()

    def _look(self) -> None:
        if (reason := self._paused()) != self._halt:
            self._halt = reason
            self.tell("pauses", "halted" if reason else "resumed", reason or "trading goes on")

    def _tell_day(self) -> None:
        try:
            self.tell("summary", "the day", self._summary())
        except Exception as error:  # an exception in an observer ends the daemon; a message must not
            self._log.warning("message.failed", title="the day", error=type(error).__name__)

    def settled(
        self, settled: Settled, simulation: Simulation | None, shortfall_bps: float | None, note: str = ""
    ) -> None:
        """`note`: what else the message says, such as what the student judged."""
        what = plain_words.action(simulation.candidate.action, self._network) if simulation else settled.intent_id
        off = "" if shortfall_bps is None else f", {0.0 - shortfall_bps:+.1f} bps against the simulation"
        more = f"\n{note}" if note else ""
        self.tell("fills", settled.outcome.value, f"{what}{off}{more}\n{settled.tx_hash or ''}".strip())

    def alarm(self, what: str, detail: str) -> None:
        self.tell("alarms", f"alarm {what}", detail)

    def _due(self) -> int:
        """The number of the current day. A day begins at the summary's hour."""
        return int((self._clock() - HOUR * self._hour) // DAY)

    async def _watch(self) -> None:
        """A halt is noticed without a cycle too: no cycle ends while no head comes."""
        while True:
            self._look()
            await asyncio.sleep(LOOK)


def _all_refused(record: CycleRecord, decided: Hold) -> bool:
    """Whether hard limits left nothing to vote on."""
    return decided.reason is HoldReason.NO_MAJORITY and not decided.votes and bool(record.refusals)
