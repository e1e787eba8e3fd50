"""The long-running process: heads in, one cycle at a time, transactions followed, stopped without a broken send.

Reads `startup -> main_loop -> shutdown`. Signals only set flags. Stale blocks are never queued: a cycle that ends
takes the newest head. Nothing here knows how to trade.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sentinel.core.decision import Act
from sentinel.core.errors import JournalError, OperatorError, SentinelError, Unavailable, leaves
from sentinel.core.market_state import Head
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Intent, Outcome, Settled, drift_bps
from sentinel.daemon.latest import Latest
from sentinel.observe.board import Board
from sentinel.observe.health import Health
from sentinel.observe.logs import Log, cycle_fields, settled_fields
from sentinel.observe.metrics import Metrics
from sentinel.observe.systemd import PULSE, Notifier, Pulse

GRACE = 45.0  # seconds that the running cycle has for its end once the daemon stops
FOLLOW = 2.0  # seconds that a cycle waits for the follower
DRAIN = 60.0  # seconds that the last transaction is followed after a bounded run


class Runner(Protocol):
    async def run(self, head: Head) -> CycleRecord: ...


class Follower(Protocol):
    """The executor, seen from here: it follows what is in flight and never starts a trade of its own."""

    @property
    def in_flight(self) -> Intent | None: ...

    async def on_head(self, head: Head) -> Settled | None: ...


class Service(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


Probe = Callable[[], Awaitable[tuple[bool, str]]]  # is the part there, and one sentence why (not)


@dataclass(slots=True)
class Daemon:
    """`run()` once. `on_cycle` and `on_settled` are observers; what they raise stops the daemon."""

    network: Network
    heads: AsyncIterable[Head]  # reconnects by itself, for ever
    latest: Latest[Head]
    cycle: Runner
    follower: Follower
    metrics: Metrics
    health: Health
    board: Board
    log: Log
    services: Sequence[Service] = ()
    probes: Mapping[str, Probe] = field(default_factory=dict)
    on_cycle: list[Callable[[CycleRecord], None]] = field(default_factory=list)
    on_settled: list[Callable[[Settled], None]] = field(default_factory=list)
    decided: Callable[[str], Act | None] = lambda _: None  # what an intent of an earlier run was decided as
    ahead: Callable[[Head], None] = lambda _: None  # begins to read a head's market, for the cycle that will ask
    before: Callable[[], Awaitable[None]] | None = None  # once, ahead of the first cycle, heads not yet read
    cycles: int | None = None  # stop after so many; None: run until stopped
    probe_every: float = 5.0  # seconds
    hang_up: Callable[[], None] | None = None  # what SIGHUP asks for; None: to stop, as a terminal does that closes
    notifier: Notifier = field(default_factory=Notifier)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _force: asyncio.Event = field(default_factory=asyncio.Event)
    _looked_at: Head | None = None  # the newest head that the follower is done with
    _looked: asyncio.Event = field(default_factory=asyncio.Event)  # it has looked at another head, or we stop
    _pulse: Pulse = field(init=False)
    _promises: dict[str, tuple[Act, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pulse = Pulse(self.notifier, self.health)

    # ------------------------------------------------------------ for the outside

    def stop(self) -> None:
        """Take no new heads; the running cycle finishes, and holds where nothing is sent yet (I26). Returns at once."""
        self.health.stopping = True
        self._stop.set()
        self._looked.set()

    async def run(self) -> int:
        """The process's exit code: 0 stopped as asked, 1 a fault that is logged, loudly.

        Raises OperatorError for what a person must mend: a taken port, say.
        """
        code = 0
        mend: OperatorError | None = None
        try:
            await self._startup()
            if not self._stop.is_set():
                await self._main_loop()
        except* JournalError as group:
            for error in leaves(group):
                self.log.error("daemon.journal_failed", error=str(error), meaning="nothing may be sent without it")
            code = 1
        except* OperatorError as group:
            mend = next(error for error in leaves(group) if isinstance(error, OperatorError))
        except* SentinelError as group:
            for error in leaves(group):
                self.log.error("daemon.failed", error=f"{type(error).__name__}: {error}")
            code = 1
        except* Exception as group:
            for error in leaves(group):
                self.log.error("daemon.failed", error=f"{type(error).__name__}: {error}", exc_info=error)
            code = 1
        finally:
            await self._shutdown()
        if self._force.is_set():
            code = code or 1
        if mend is not None:
            raise mend
        self.log.info("daemon.stopped", code=code)
        return code

    # ------------------------------------------------------------ startup -> main loop -> shutdown

    async def _startup(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)
        for service in self.services:
            await service.start()
        if self.before is not None:
            await self._unless_stopped(self.before())
        self.log.info("daemon.started", pid=os.getpid(), web=self.board.web, chain_id=self.network.chain_id)

    async def _unless_stopped(self, work: Awaitable[None]) -> None:
        """What is under way at the start may be cut short: it is journaled, and taken up by the next start."""
        working, stopping = asyncio.ensure_future(work), asyncio.create_task(self._stop.wait())
        waits: set[asyncio.Future[Any]] = {working, stopping}
        seen: Head | None = None
        while not (await asyncio.wait(waits, timeout=PULSE, return_when=asyncio.FIRST_COMPLETED))[0]:
            if self.latest.value != seen:  # what an earlier run left may take its time, while the chain moves
                seen = self.latest.value
                self._pulse.starting()
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
        elif (error := working.exception()) is not None:
            raise error

    async def _main_loop(self) -> None:
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self._read_heads(), name="heads")]
            readers += [group.create_task(self._probe(name), name=f"probe {name}") for name in self.probes]
            workers = [
                group.create_task(self._run_cycles(), name="cycles"),
                group.create_task(self._follow(), name="follow"),
            ]
            await self._stop.wait()
            self.notifier.stopping()
            for task in readers:
                task.cancel()
            self.latest.close()
            await self._finish(workers)

    async def _finish(self, workers: list[asyncio.Task[None]]) -> None:
        """Let them end by themselves; only a second signal or the end of patience cancels, never the first signal."""
        forced = asyncio.create_task(self._force.wait())
        ended = asyncio.create_task(asyncio.wait(workers))  # their errors reach the group
        waits: set[asyncio.Task[Any]] = {forced, ended}
        await asyncio.wait(waits, timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()
        for task in workers:
            if not task.done():
                self.log.error(
                    "daemon.cut_short", task=task.get_name(), meaning="journaled sends go on after a restart"
                )
                task.cancel()
        await ended

    async def _shutdown(self) -> None:
        self.health.stopping = True
        for service in reversed(self.services):
            try:
                await asyncio.wait_for(service.stop(), timeout=5.0)
            except (OSError, TimeoutError, SentinelError) as error:  # the other parts must still be stopped
                self.log.error("daemon.stop_failed", part=type(service).__name__, error=str(error))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)

    def _signalled(self, number: int) -> None:
        if number == signal.SIGHUP and self.hang_up is not None:
            with self._pulse.reloading():
                self.hang_up()
            return
        if self._stop.is_set() and number == signal.SIGINT:
            self._force.set()
        self.stop()

    # ------------------------------------------------------------ the tasks

    async def _read_heads(self) -> None:
        async for head in self.heads:
            self.latest.put(head)
            if self.follower.in_flight is None:  # else the next cycle holds without reading
                self.ahead(head)
            self.metrics.observe_head(head)
            self.health.head_seen(head)
            self.board.head_seen(head)

    async def _run_cycles(self) -> None:
        head: Head | None = None
        done = 0
        while (head := await self._newer(head)) is not None:
            await self._followed(head)
            with self.health.busy("cycle"):
                record = await self.cycle.run(head)
            self._observe(record)
            done += 1
            if self.cycles is not None and done >= self.cycles:
                await self._drained()
                self.stop()
                return

    async def _followed(self, head: Head) -> None:
        """Let the follower look at this head first: what it settles need not hold the cycle up for another block."""
        await self._looks(FOLLOW, lambda: self._looked_at == head)

    async def _newer(self, head: Head | None) -> Head | None:
        newest = await self.latest.after(head)
        if newest is not None and head is not None:
            self.metrics.skipped.inc(max(0, newest.number - head.number - 1))
        return newest

    async def _follow(self) -> None:
        head: Head | None = None
        while (head := await self.latest.after(head)) is not None:
            try:
                with self.health.busy("follow"):
                    settled = await self.follower.on_head(head)
            except Unavailable as error:
                self.log.warning("follow.failed", error=str(error), block=head.number)
                continue
            finally:
                self._looked_at = head
                self._looked.set()
                self._moved()
            self.metrics.in_flight.set(self.follower.in_flight is not None)
            if settled is not None:
                self._observe_settled(settled)

    async def _drained(self) -> None:
        """After the last cycle: wait for what is in flight, as long as it may take to settle."""
        await self._looks(DRAIN, self._stop.is_set)

    async def _looks(self, seconds: float, enough: Callable[[], bool]) -> None:
        """While something is in flight: wait for looks of the follower until it is `enough`, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.follower.in_flight is not None and not enough():
                    self._looked.clear()
                    await self._looked.wait()

    async def _probe(self, name: str) -> None:
        while True:
            try:
                ok, why = await self.probes[name]()
            except Unavailable as error:
                ok, why = False, str(error)
            self.health.report(name, ok, why)
            self.metrics.ready.labels(name).set(ok)
            self._moved()
            await asyncio.sleep(self.probe_every)

    def _moved(self) -> None:
        """A cycle, a look at what is in flight, or a probe came to its end."""
        if self._pulse.beat():
            self.log.info("daemon.ready")

    # ------------------------------------------------------------ telling

    def _observe(self, record: CycleRecord) -> None:
        if isinstance(record.decision, Act) and record.intent_id is not None:
            self._promises[record.intent_id] = (record.decision, time.monotonic())
        self.metrics.observe(record)
        self.metrics.in_flight.set(self.follower.in_flight is not None)
        self.board.observe(record)
        self.notifier.status(self.board.line())
        self._moved()
        self.log.info("cycle.done", **cycle_fields(record, self.network))
        for tell in self.on_cycle:
            tell(record)

    def _observe_settled(self, settled: Settled) -> None:
        decision, since = self._promises.pop(settled.intent_id, (None, None))
        decision = decision or self.decided(settled.intent_id)
        confirmed = settled.outcome is Outcome.CONFIRMED
        drift = drift_bps(decision.simulation, settled) if decision is not None and confirmed else None
        waited = None if since is None else time.monotonic() - since
        self.metrics.observe_settled(settled, drift, waited)
        self.board.observe_settled(settled, decision.simulation if decision else None, drift)
        self.log.info("transaction.settled", **settled_fields(settled, drift))
        for tell in self.on_settled:
            tell(settled)
