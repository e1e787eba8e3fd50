"""Reports what the executor does to the log and the metrics, and each state of an alarm once to the listeners."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sentinel.core.transaction import Attempt, Intent, Settled
from sentinel.execute.send_errors import Answer
from sentinel.observe.logs import Log
from sentinel.observe.metrics import Metrics
from sentinel.observe.standing_alarms import Ended, StandingAlarms

Alarm = Callable[[str, str], None]  # kind, and one sentence with the detail


@dataclass(frozen=True, slots=True)
class ExecutionReporter:
    """`ears` receive each state of an alarm once; `attempts` counts the sends of each open intent.

    Each raise counts in the metrics, so that Prometheus' alert lasts as long as the alarm stands.
    """

    metrics: Metrics
    log: Log
    ears: Sequence[Alarm] = ()
    clock: Callable[[], float] = time.monotonic
    attempts: Counter[str] = field(default_factory=Counter)
    _standing: StandingAlarms = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_standing", StandingAlarms(self.clock))

    def sent(self, intent: Intent, attempt: Attempt, answer: str) -> None:
        self.attempts[intent.id] += 1
        self.metrics.sent(self.attempts[intent.id], attempt.cancel)
        self.log.info(
            "transaction.sent",
            intent=intent.id,
            tx=attempt.tx_hash,
            nonce=attempt.nonce,
            max_fee=attempt.fees.max_fee,
            priority_fee=attempt.fees.priority_fee,
            cancel=attempt.cancel,
            answer=answer,
        )
        if answer != Answer.HELD:
            self._over(self._standing.sent(intent.id), "its bytes were sent")

    def settled(self, intent: Intent, settled: Settled, pnl_quote: int) -> None:
        self.attempts.pop(intent.id, None)
        self._over(self._standing.settled(intent.id), f"the intent has ended: {settled.outcome}")

    def alarm(self, what: str, detail: str) -> None:
        self.metrics.alarm(what)
        if not self._standing.raised(what, detail):
            return
        self.log.error("transaction.alarm", what=what, detail=detail)
        for notify in self.ears:
            notify(what, detail)

    def _over(self, alarms: Sequence[Ended], why: str) -> None:
        for alarm in alarms:
            minutes = alarm.seconds / 60
            self.log.info("transaction.alarm_over", what=alarm.what, intent=alarm.intent_id, minutes=round(minutes, 1))
            for notify in self.ears:
                notify(f"{alarm.what} over", f"{alarm.intent_id}: {why}, {minutes:.0f} min after the alarm")
