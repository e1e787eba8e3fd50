"""Reports exceptions that no part of Sentinel expected, from the edges where the daemon goes on after them."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.core.edges import described
from sentinel.observe import redaction
from sentinel.observe.logs import Log
from sentinel.observe.metrics import Metrics


@dataclass(frozen=True, slots=True)
class InternalErrors:
    metrics: Metrics
    log: Log

    def report(self, edge: str, error: Exception, **fields: object) -> str:
        """Log and count the error. Returns one line with its type, text and place, without secrets."""
        self.metrics.internal_errors.labels(edge).inc()
        line = redaction.text(described(error))
        self.log.error("internal.error", edge=edge, error=line, exc_info=error, **fields)
        return f"internal error: {line}"
