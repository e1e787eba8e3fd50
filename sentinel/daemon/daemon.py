"""The long-running process: `startup -> main_loop -> shutdown`.

A signal only sets a flag; the running cycle then ends by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sentinel.core.edges import described
from sentinel.core.errors import JournalError, OperatorError, SentinelError, leaves
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.loop import Loop
from sentinel.daemon.reporting import CycleReporter
from sentinel.observe.systemd import PULSE

GRACE = 45.0  # seconds in which the running cycle may end after the daemon was asked to stop
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Service(Protocol):
    """A background task of the daemon."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Daemon:
    """Call `run` once."""

    lifecycle: Lifecycle
    loop: Loop
    telling: CycleReporter
    services: Sequence[Service] = ()  # in the order of their start; they stop in reverse
    before: Callable[[], Awaitable[None]] | None = None  # runs once, before heads are read
    hang_up: Callable[[], None] | None = None  # handles SIGHUP; None: SIGHUP stops the daemon

    def stop(self) -> None:
        """As `Lifecycle.stop`. Returns at once."""
        self.lifecycle.stop()

    async def run(self) -> int:
        """Run until the daemon is stopped. Returns the exit code: 0 after a clean stop, else 1.

        Errors are logged. Raises OperatorError for what the operator must fix, such as a port that is in use.
        """
        log, code = self.telling.log, 0
        operator_error: OperatorError | None = None
        try:
            await self._startup()
            if not self.lifecycle.stopping:
                await self._main_loop()
        except* JournalError as group:
            for error in leaves(group):
                log.error("daemon.journal_failed", error=str(error), meaning="nothing may be sent without the journal")
            code = 1
        except* OperatorError as group:
            operator_error = next(error for error in leaves(group) if isinstance(error, OperatorError))
        except* SentinelError as group:
            for error in leaves(group):
                log.error("daemon.failed", error=f"{type(error).__name__}: {error}")
            code = 1
        except* Exception as group:
            for error in leaves(group):
                log.error("daemon.failed", error=f"{type(error).__name__}: {error}", exc_info=error)
            code = 1
        finally:
            await self._shutdown()
        if self.lifecycle.forced:
            code = code or 1
        if operator_error is not None:
            raise operator_error
        log.info("daemon.stopped", code=code)
        return code

    # ------------------------------------------------------------ startup -> main loop -> shutdown

    async def _startup(self) -> None:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        for service in self.services:
            await service.start()
        if self.before is not None:
            await self._unless_stopped(self.before())
        reporter = self.telling
        reporter.log.info("daemon.started", pid=os.getpid(), web=reporter.board.web, chain_id=reporter.network.chain_id)

    async def _unless_stopped(self, work: Awaitable[None]) -> None:
        """Run `work`, but cancel it once the daemon stops.

        That is safe at the start: open intents are journaled, and the next start follows them.
        """
        working, stopping = asyncio.ensure_future(work), asyncio.create_task(self.lifecycle.until_stopping())
        waits: set[asyncio.Future[Any]] = {working, stopping}
        looks = 0  # an open intent of an earlier run may take long; each look for heads is progress
        while not (await asyncio.wait(waits, timeout=PULSE, return_when=asyncio.FIRST_COMPLETED))[0]:
            if self.telling.health.looks != looks:
                looks = self.telling.health.looks
                self.telling.pulse.starting()
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
        elif (error := working.exception()) is not None:
            raise error

    async def _main_loop(self) -> None:
        async with asyncio.TaskGroup() as group:
            readers, workers = self.loop.readers(group), self.loop.workers(group)
            await self.lifecycle.until_stopping()
            self.telling.notifier.stopping()
            for task in readers:
                task.cancel()
            self.loop.close()
            await self._finish(workers)

    async def _finish(self, workers: list[asyncio.Task[None]]) -> None:
        """Wait until the workers end. Only a SIGINT during the stop, or the end of GRACE, cancels them."""
        forced = asyncio.create_task(self.lifecycle.until_forced())
        ended = asyncio.create_task(asyncio.wait(workers))  # their errors reach the task group
        waits: set[asyncio.Task[Any]] = {forced, ended}
        await asyncio.wait(waits, timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()
        for task in workers:
            if not task.done():
                self.telling.log.error(
                    "daemon.forced_stop", task=task.get_name(), meaning="journaled sends continue after a restart"
                )
                task.cancel()
        await ended

    async def _shutdown(self) -> None:
        self.lifecycle.stop()
        for service in reversed(self.services):
            try:
                await asyncio.wait_for(service.stop(), timeout=5.0)
            except Exception as error:  # the other parts must still be stopped
                part = type(service).__name__
                self.telling.log.error("daemon.stop_failed", part=part, error=described(error), exc_info=error)
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def _signalled(self, number: int) -> None:
        if number == signal.SIGHUP and self.hang_up is not None:
            with self.telling.pulse.reloading():
                self.hang_up()
            return
        if self.lifecycle.stopping and number == signal.SIGINT:
            self.lifecycle.force()
        self.lifecycle.stop()
