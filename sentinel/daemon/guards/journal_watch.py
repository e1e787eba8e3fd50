"""Checks the whole journal in the background, at the start and every few hours, and lets the retention drop old holds.

The check runs in a thread of lowest priority with a connection of its own, so the cycles do not wait for it. A journal
that is not as it was written halts trading: caps, nonces and open intents come from it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sentinel.core.errors import JournalTampered
from sentinel.core.network import Network
from sentinel.core.units import DAY, HOUR
from sentinel.daemon.execution_reporter import Alarm
from sentinel.daemon.files import JOURNAL
from sentinel.daemon.parts import Parts
from sentinel.journal.journal import Journal
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import Log

AGAIN = 30.0  # seconds between two alarms of a fault that stands
BREATH = 50  # records between two pauses of the thread
PAUSE = 0.005  # seconds of each pause


class _StopCheck(Exception):
    """The daemon stops."""


@dataclass(slots=True)
class JournalWatch:
    """A service of the daemon."""

    journal: Journal
    path: Path
    network: Network
    every: float  # seconds between two checks
    keep_holds: float | None  # seconds; None: for ever
    alarm: Alarm
    log: Log
    errors: InternalErrors
    clock: Callable[[], float] = time.time
    checked: int = 0  # records that the last whole check found well
    _stopping: threading.Event = field(default_factory=threading.Event)
    _watching: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, parts: Parts, alarm: Alarm, log: Log, errors: InternalErrors) -> JournalWatch:
        settings, days = parts.settings, parts.settings.journal.keep_holds_days
        return cls(
            parts.journal,
            settings.state_dir.expanduser() / JOURNAL,
            parts.network,
            settings.journal.verify_hours * HOUR,
            None if days is None else float(days * DAY),
            alarm,
            log,
            errors,
        )

    async def start(self) -> None:
        self._watching = asyncio.create_task(self._watch(), name="journal")

    async def stop(self) -> None:
        self._stopping.set()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def _watch(self) -> None:
        due = 0.0
        while True:
            try:
                if time.monotonic() >= due:
                    await self.look()
                    due = time.monotonic() + self.every
                self.tell()
            except Exception as error:  # the watch itself must go on
                self.errors.report("journal", error)
                due = time.monotonic() + AGAIN
            await asyncio.sleep(min(self.every, AGAIN))

    async def look(self) -> None:
        """Check the whole journal once, then drop what the retention no longer keeps. Raises JournalError."""
        began = time.monotonic()
        try:
            self.checked = await self._verified()
        except JournalTampered as error:
            self.journal.checked(str(error))
            return
        self.journal.checked(None)
        self.log.info("journal.verified", records=self.checked, seconds=round(time.monotonic() - began, 2))
        dropped = 0
        while self.keep_holds is not None and (batch := self.journal.drop_holds(self.clock() - self.keep_holds)):
            dropped += batch
            await asyncio.sleep(0.05)  # the cycles go first
        if dropped:
            self.log.info("journal.dropped", cycles=dropped, kept_days=round((self.keep_holds or 0) / DAY, 2))

    def tell(self) -> None:
        """While the journal is not as it was written: halt trading, and raise the alarm. Raises JournalError."""
        if (fault := self.journal.fault) is not None:
            if self.journal.halt_reason is None:
                self.journal.halt(f"the journal is not as it was written: {fault}", by="sentinel")
            self.alarm("journal", fault)

    async def _verified(self) -> int:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[int] = loop.create_future()

        def report(result: int | BaseException) -> None:
            if not ended.done():
                ended.set_exception(result) if isinstance(result, BaseException) else ended.set_result(result)

        def work() -> None:
            result: int | BaseException
            try:
                result = self._verify()
            except BaseException as error:  # it is raised where the check is awaited
                result = error
            if not self._stopping.is_set():
                loop.call_soon_threadsafe(report, result)

        threading.Thread(target=work, name="journal", daemon=True).start()
        return await ended

    def _verify(self) -> int:
        """In the thread."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        journal = Journal.open(self.path, self.network, None, None, read_only=True, whole=False)
        try:
            return journal.verify(self._breathe)
        finally:
            journal.close()

    def _breathe(self, records: int) -> None:
        if self._stopping.is_set():
            raise _StopCheck
        if records % BREATH == 0:
            time.sleep(PAUSE)
