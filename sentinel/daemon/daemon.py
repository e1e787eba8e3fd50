"""The long-running process: `startup -> main_loop -> shutdown`, and no broken send. Signals only set flags."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sentinel.core.errors import JournalError, OperatorError, SentinelError, leaves
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.loop import Loop
from sentinel.daemon.reporting import CycleReporter
from sentinel.observe.systemd import PULSE

GRACE = 45.0  # seconds that the running cycle has for its end once the daemon stops
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Service(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Daemon:
    """`run()` once."""

    lifecycle: Lifecycle
    loop: Loop
    telling: CycleReporter
    services: Sequence[Service] = ()  # in the order of their start; they stop in reverse
    before: Callable[[], Awaitable[None]] | None = None  # once, ahead of the first cycle, heads not yet read
    hang_up: Callable[[], None] | None = None  # what SIGHUP asks for; None: to stop, as a terminal does that closes

    def stop(self) -> None:
        """Returns at once: see `Lifecycle.stop`."""
        self.lifecycle.stop()

    async def run(self) -> int:
        """The process's exit code: 0 stopped as asked, 1 a fault that is logged, loudly.

        Raises OperatorError for what a person must mend: a taken port, say.
        """
        log, code = self.telling.log, 0
        mend: OperatorError | None = None
        try:
            await self._startup()
            if not self.lifecycle.stopping:
                await self._main_loop()
        except* JournalError as group:
            for error in leaves(group):
                log.error("daemon.journal_failed", error=str(error), meaning="nothing may be sent without it")
            code = 1
        except* OperatorError as group:
            mend = next(error for error in leaves(group) if isinstance(error, OperatorError))
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
        if mend is not None:
            raise mend
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
        facts = self.telling
        facts.log.info("daemon.started", pid=os.getpid(), web=facts.board.web, chain_id=facts.network.chain_id)

    async def _unless_stopped(self, work: Awaitable[None]) -> None:
        """What is under way at the start may be cut short: it is journaled, and taken up by the next start."""
        working, stopping = asyncio.ensure_future(work), asyncio.create_task(self.lifecycle.until_stopping())
        waits: set[asyncio.Future[Any]] = {working, stopping}
        looks = 0
        while not (await asyncio.wait(waits, timeout=PULSE, return_when=asyncio.FIRST_COMPLETED))[0]:
            if self.telling.health.looks != looks:  # what an earlier run left may take as long as the chain takes
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
        """Let them end by themselves; only a second signal or the end of patience cancels, never the first signal."""
        forced = asyncio.create_task(self.lifecycle.until_forced())
        ended = asyncio.create_task(asyncio.wait(workers))  # their errors reach the group
        waits: set[asyncio.Task[Any]] = {forced, ended}
        await asyncio.wait(waits, timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()
        for task in workers:
            if not task.done():
                self.telling.log.error(
                    "daemon.forced_stop", task=task.get_name(), meaning="journaled sends go on after a restart"
                )
                task.cancel()
        await ended

    async def _shutdown(self) -> None:
        self.lifecycle.stop()
        for service in reversed(self.services):
            try:
                await asyncio.wait_for(service.stop(), timeout=5.0)
            except (OSError, TimeoutError, SentinelError) as error:  # the other parts must still be stopped
                self.telling.log.error("daemon.stop_failed", part=type(service).__name__, error=str(error))
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
