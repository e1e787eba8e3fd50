"""Fills the gaps of the closes as a background task: after the first cycle, and whenever a block comes after a gap."""

from __future__ import annotations

import asyncio
import contextlib

from sentinel.chain.close_backfill import CloseBackfill
from sentinel.chain.close_history import CloseHistory
from sentinel.core.record import CycleRecord
from sentinel.daemon.parts import Parts
from sentinel.observe.logs import Log

RETRY = 600.0  # seconds after a run that ended with an error


class CloseFiller:
    """A service of the daemon that observes its cycles."""

    def __init__(self, backfill: CloseBackfill, history: CloseHistory, log: Log, retry: float = RETRY) -> None:
        self._backfill = backfill
        self._history = history
        self._log = log
        self._retry = retry
        self._filled_holes: int | None = None  # None: no run has begun
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, parts: Parts, log: Log) -> CloseFiller:
        market = parts.market
        return cls(CloseBackfill(parts.rpc, market.add_past, market.closes), market.closes, log)

    def cycle_done(self, _: CycleRecord) -> None:
        if self._filled_holes != self._history.holes:
            self._wanted.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="closes")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        above, retry = 0, None
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(retry):
                    await self._wanted.wait()
            self._wanted.clear()
            self._filled_holes = self._history.holes
            try:
                filled = await self._backfill.run(above)
            except Exception as error:  # orders then see the gaps, and hold
                self._log.error("closes.backfill_failed", error=f"{type(error).__name__}: {error}"[:200])
                retry = self._retry
                continue
            above = max(above, filled.pruned_below)
            retry = self._retry if filled.error and not filled.pruned_below else None
