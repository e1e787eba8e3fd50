"""The operator's handles on a running daemon: status, pause, resume, stop; and gauges brought up to date on request."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sentinel import accounts
from sentinel.assemble import JOURNAL, Parts
from sentinel.daemon import Daemon


@dataclass(frozen=True, slots=True)
class Operator:
    parts: Parts
    daemon: Daemon
    clock: Callable[[], float] = time.time

    def status(self) -> dict[str, Any]:
        """JSON-ready."""
        parts = self.parts
        latch, intent = parts.journal.latched, self.daemon.follower.in_flight
        spent = parts.journal.spent_today(self.clock())
        unit = 10.0 ** accounts.decimals(parts.network.quote, parts.network)
        return {
            **parts.board.status(),
            "state": "stopping" if parts.health.stopping else "paused" if latch else "running",
            "paused": latch,
            "in_flight": None if intent is None else intent.id,
            "loss_today": spent.loss / unit,
            "volume_today": spent.volume / unit,
            "endpoints": [asdict(endpoint) for endpoint in parts.rpc.status()],
            "checks": [asdict(check) for check in parts.health.ready()],
            "pid": os.getpid(),
        }

    def pause(self, reason: str) -> None:
        self.parts.journal.latch(reason, by="operator")
        self.daemon.log.warning("operator.pause", reason=reason)

    def resume(self) -> None:
        self.parts.journal.unlatch(by="operator")
        self.daemon.log.warning("operator.resume")

    def stop(self) -> None:
        self.daemon.log.info("operator.stop")
        self.daemon.stop()

    def refresh(self) -> None:
        """What other parts count, put into the metrics."""
        parts, metrics = self.parts, self.parts.metrics
        metrics.latched.set(parts.journal.latched is not None)
        metrics.in_flight.set(self.daemon.follower.in_flight is not None)
        metrics.observe_spent(parts.journal.spent_today(self.clock()), parts.limits)
        metrics.catch_up(metrics.reconnects, parts.heads.reconnects)
        metrics.catch_up(metrics.backfilled, parts.heads.backfilled)
        metrics.catch_up(metrics.reorgs, parts.heads.reorgs)
        if parts.fork is not None:
            metrics.catch_up(metrics.fork_resets, parts.fork.resets)
        for where, batches in parts.toolkit.simulator.batches.items():
            metrics.catch_up(metrics.simulations.labels(where), batches)
        for endpoint in parts.rpc.status():
            metrics.observe_endpoint(endpoint.name, endpoint.state, endpoint.requests, endpoint.failures)
        metrics.catch_up(metrics.alarms.labels("endpoint_refused"), len(parts.rpc.refused))
        metrics.disputed.set(parts.rpc.disputed is not None)
        folder = parts.settings.state_dir.expanduser()
        files = [folder / f"{JOURNAL}{end}" for end in ("", "-wal")]
        metrics.journal_bytes.set(sum(file.stat().st_size for file in files if file.exists()))
