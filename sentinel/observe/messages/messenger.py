"""Messages about fills, refusals, alarms, pauses and the day. Bounded, and no cycle waits for them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sentinel.core.decision import Hold, HoldReason
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Settled
from sentinel.core.units import DAY, HOUR
from sentinel.observe import plain_words
from sentinel.observe.logs import Log
from sentinel.observe.messages.budget import MessageBudget
from sentinel.observe.messages.channel import Delivered
from sentinel.observe.metrics import Metrics

MAX_QUEUED = 50  # messages; a new one is left out while the queue is full
BURST = 5


class Messenger:
    """A service of the daemon. `summary` returns the text about the day that ended; it is sent at `hour` (UTC)."""

    def __init__(
        self,
        send: Callable[[str, str], list[Delivered]],
        network: Network,
        metrics: Metrics,
        log: Log,
        *,
        events: Sequence[str],
        every: float,
        hour: int,
        paused: Callable[[], str | None],
        summary: Callable[[], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._send, self._network, self._metrics, self._log = send, network, metrics, log
        self._events, self._hour, self._paused, self._summary, self._clock = events, hour, paused, summary, clock
        self._budget = MessageBudget(BURST, every, clock)
        self._waiting: deque[tuple[str, str]] = deque()
        self._some = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "messages")
        self._left_out = 0
        self._halt = paused()
        self._day = self._due()
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._worker = asyncio.create_task(self._work(), name="messages")
        self.tell("service", "started", f"{self._network.name}, chain {self._network.chain_id}")

    async def stop(self) -> None:
        """Queued messages are dropped: a stop must not wait for a foreign server."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait({self._worker})
        self._thread.shutdown(wait=False, cancel_futures=True)

    def tell(self, event: str, title: str, text: str) -> None:
        """Queue a message if `event` is enabled and the budget allows it. Returns at once."""
        if event not in self._events:
            return
        if len(self._waiting) >= MAX_QUEUED or not self._budget.take():
            self._left_out += 1
            self._metrics.notifications.labels("suppressed").inc()
            return
        if self._left_out:
            text, self._left_out = f"{text}\n({self._left_out} messages before this one were left out)", 0
        self._waiting.append((f"Sentinel: {title}", text))
        self._some.set()

    # ------------------------------------------------------------ events

    def cycle_done(self, record: CycleRecord) -> None:
        decided = record.decision
        if isinstance(decided, Hold) and decided.reason is HoldReason.REFUSED:
            self.tell("refusals", "refused", plain_words.cycle(record, self._network))
        if (reason := self._paused()) != self._halt:
            self._halt = reason
            self.tell("pauses", "paused" if reason else "resumed", reason or "trading goes on")
        if (day := self._due()) != self._day:
            self._day = day
            self._tell_day()

    def _tell_day(self) -> None:
        try:
            self.tell("summary", "the day", self._summary())
        except Exception as error:  # an exception in an observer ends the daemon; a message must not
            self._log.warning("message.failed", title="the day", error=type(error).__name__)

    def settled(self, settled: Settled, simulation: Simulation | None, shortfall_bps: float | None) -> None:
        what = plain_words.action(simulation.candidate.action, self._network) if simulation else settled.intent_id
        off = "" if shortfall_bps is None else f", {0.0 - shortfall_bps:+.1f} bps against the simulation"
        self.tell("fills", settled.outcome.value, f"{what}{off}\n{settled.tx_hash or ''}".strip())

    def alarm(self, what: str, detail: str) -> None:
        self.tell("alarms", f"alarm {what}", detail)

    def _due(self) -> int:
        """The number of the current day. A day begins at the summary's hour."""
        return int((self._clock() - HOUR * self._hour) // DAY)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                title, text = self._waiting.popleft()
                for done in await loop.run_in_executor(self._thread, self._send, title, text):
                    self._metrics.notifications.labels("sent" if done.ok else "failed").inc()
                    if not done.ok:
                        self._log.warning("message.failed", target=done.target, title=title)
