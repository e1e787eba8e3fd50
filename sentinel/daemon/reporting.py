"""Reports heads, cycles and transactions to log, metrics, health, status page, service manager and observers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sentinel.core.decision import Act
from sentinel.core.market_state import Head
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Outcome, Settled, shortfall_bps
from sentinel.observe.health import Health
from sentinel.observe.logs import Log, cycle_fields, settled_fields
from sentinel.observe.metrics import Metrics
from sentinel.observe.status_board import Board
from sentinel.observe.systemd import Notifier, Pulse

OnCycle = Callable[[CycleRecord], None]
OnSettled = Callable[[Settled], None]


@dataclass(frozen=True, slots=True)
class CycleReporter:
    """`on_cycle` and `on_settled` are observers; an exception that they raise stops the daemon."""

    network: Network
    metrics: Metrics
    health: Health
    board: Board
    log: Log
    notifier: Notifier
    pulse: Pulse
    on_cycle: Sequence[OnCycle] = ()
    on_settled: Sequence[OnSettled] = ()
    decided: Callable[[str], Act | None] = lambda _: None  # the act of an earlier run's intent
    _promises: dict[str, tuple[Act, float]] = field(default_factory=dict)  # by intent: the act, and when (monotonic)

    def head_seen(self, head: Head) -> None:
        self.metrics.observe_head(head)
        self.health.head_seen(head)
        self.board.head_seen(head)

    def cycle_done(self, record: CycleRecord, *, in_flight: bool) -> None:
        if isinstance(record.decision, Act) and record.intent_id is not None:
            self._promises[record.intent_id] = (record.decision, time.monotonic())
        self.metrics.observe(record)
        self.metrics.open_intent_flag.set(in_flight)
        self.board.observe(record)
        self.notifier.status(self.board.line())
        self.moved()
        self.log.info("cycle.done", **cycle_fields(record, self.network))
        for observe in self.on_cycle:
            observe(record)

    def settled(self, settled: Settled) -> None:
        decision, since = self._promises.pop(settled.intent_id, (None, None))
        decision = decision or self.decided(settled.intent_id)
        confirmed = settled.outcome is Outcome.CONFIRMED
        shortfall = shortfall_bps(decision.simulation, settled) if decision is not None and confirmed else None
        waited = None if since is None else time.monotonic() - since
        self.metrics.observe_settled(settled, shortfall, waited)
        self.board.observe_settled(settled)
        self.log.info("transaction.settled", **settled_fields(settled, shortfall))
        for observe in self.on_settled:
            observe(settled)

    def probed(self, part: str, ok: bool, why: str) -> None:
        """NOTE: a probe is no progress: it must not feed the watchdog while heads or cycles are stuck."""
        self.health.report(part, ok, why)
        self.metrics.ready.labels(part).set(ok)
        if self.pulse.became_ready():
            self.log.info("daemon.ready")

    def looked(self) -> None:
        """Heads were looked for, whether one came or not."""
        self.health.looked()
        self.moved()

    def moved(self) -> None:
        """Report progress: a cycle, a look for heads, or a step of the follower has ended."""
        if self.pulse.beat():
            self.log.info("daemon.ready")
