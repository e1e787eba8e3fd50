"""Reports what the executor does to the log and the metrics, and forwards its alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sentinel.core.transaction import Attempt, Intent, Settled
from sentinel.observe.logs import Log
from sentinel.observe.metrics import Metrics

Alarm = Callable[[str, str], None]  # kind, and one sentence with the detail


@dataclass(frozen=True, slots=True)
class ExecutionReporter:
    """`ears` receive every alarm; `attempts` counts the sends of each open intent."""

    metrics: Metrics
    log: Log
    ears: Sequence[Alarm] = ()
    attempts: Counter[str] = field(default_factory=Counter)

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

    def settled(self, intent: Intent, settled: Settled, pnl_quote: int) -> None:
        self.attempts.pop(intent.id, None)

    def alarm(self, what: str, detail: str) -> None:
        self.metrics.alarm(what)
        self.log.error("transaction.alarm", what=what, detail=detail)
        for notify in self.ears:
            notify(what, detail)
