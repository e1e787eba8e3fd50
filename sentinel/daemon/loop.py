"""The main loop: reads heads, runs one cycle at a time, and follows the open intent as a background task.

Stale blocks are never queued: when a cycle has ended, the next one takes the newest head. Nothing here knows how to
trade.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sentinel.core.errors import Unavailable
from sentinel.core.market_state import Head
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Intent, Settled
from sentinel.daemon.latest import Latest
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.reporting import CycleReporter
from sentinel.observe.internal_errors import InternalErrors

FOLLOW = 2.0  # seconds that a cycle waits at most for the follower
DRAIN = 60.0  # seconds that the last transaction is followed at most after a bounded run


class CycleRunner(Protocol):
    async def run(self, head: Head) -> CycleRecord: ...


class Follower(Protocol):
    """What the loop needs of the executor: it follows the open intent and never starts a trade by itself."""

    @property
    def open_intent(self) -> Intent | None: ...

    async def on_head(self, head: Head) -> Settled | None: ...


Probe = Callable[[], Awaitable[tuple[bool, str]]]  # whether the part is healthy, and one sentence why


@dataclass(frozen=True, slots=True)
class Loop:
    lifecycle: Lifecycle
    heads: AsyncIterable[Head]  # reconnects by itself, without end
    latest: Latest[Head]
    cycle: CycleRunner
    follower: Follower
    telling: CycleReporter
    errors: InternalErrors
    probes: Mapping[str, Probe] = field(default_factory=dict)
    ahead: Callable[[Head], None] = lambda _: None  # begins to read the market at a head, for the next cycle
    cycles: int | None = None  # number of cycles until the loop stops; None: run until stopped
    probe_every: float = 5.0  # seconds
    looked: Latest[Head] = field(default_factory=Latest)  # the last head that the follower has handled
    looks: Callable[[], Awaitable[None]] | None = None  # waits until heads were looked for once more

    def readers(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start the tasks that read heads and probe parts. They run until they are cancelled."""
        probing = [group.create_task(self._probe(name), name=f"probe {name}") for name in self.probes]
        looking = [] if self.looks is None else [group.create_task(self._tell_looks(self.looks), name="looks")]
        return [group.create_task(self._read_heads(), name="heads"), *looking, *probing]

    def workers(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start the tasks that run cycles and follow the open intent.

        After `close` they finish the head they work on and end.
        """
        return [
            group.create_task(self._run_cycles(), name="cycles"),
            group.create_task(self._follow(), name="follow"),
        ]

    def close(self) -> None:
        """Take no more heads."""
        self.latest.close()
        self.looked.close()

    async def _read_heads(self) -> None:
        async for head in self.heads:
            self.latest.put(head)
            if self.follower.open_intent is None:  # otherwise the next cycle holds without a read
                self.ahead(head)
            self.telling.head_seen(head)

    async def _tell_looks(self, looks: Callable[[], Awaitable[None]]) -> None:
        self.telling.looked()
        while True:
            await looks()
            self.telling.looked()

    async def _run_cycles(self) -> None:
        head: Head | None = None
        done = 0
        while (head := await self._newer(head)) is not None:
            await self._followed(head)
            with self.telling.health.busy("cycle"):
                record = await self.cycle.run(head)
            self.telling.cycle_done(record, in_flight=self.follower.open_intent is not None)
            done += 1
            if self.cycles is not None and done >= self.cycles:
                await self._drained()
                self.lifecycle.stop()
                return

    async def _newer(self, head: Head | None) -> Head | None:
        newest = await self.latest.after(head)
        if newest is not None and head is not None:
            self.telling.metrics.skipped.inc(max(0, newest.number - head.number - 1))
        return newest

    async def _follow(self) -> None:
        head: Head | None = None
        while (head := await self.latest.after(head)) is not None:
            try:
                with self.telling.health.busy("follow"):
                    settled = await self.follower.on_head(head)
            except Unavailable as error:
                self.telling.log.warning("intent.follow_failed", error=str(error), block=head.number)
                continue
            finally:
                self.looked.put(head)
                self.telling.moved()
            self.telling.metrics.open_intent_flag.set(self.follower.open_intent is not None)
            if settled is not None:
                self.telling.settled(settled)

    async def _followed(self, head: Head) -> None:
        """Wait for the follower to handle this head: if it settles the intent, this cycle need not hold."""
        await self._wait_for_follower(FOLLOW, lambda seen: seen == head)

    async def _drained(self) -> None:
        """After the last cycle, wait until the open intent settles, at most DRAIN seconds."""
        await self._wait_for_follower(DRAIN, lambda seen: False)

    async def _wait_for_follower(self, seconds: float, is_enough: Callable[[Head | None], bool]) -> None:
        """Wait while an intent is open, until `is_enough` accepts the follower's head, the loop closes or time ends."""
        seen: Head | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.follower.open_intent is not None and not is_enough(seen):
                    if (seen := await self.looked.after(seen)) is None:
                        return

    async def _probe(self, name: str) -> None:
        while True:
            try:
                ok, why = await self.probes[name]()
            except Unavailable as error:
                ok, why = False, str(error)
            except Exception as error:  # the part counts as absent, and the daemon goes on
                ok, why = False, self.errors.report("probe", error, part=name)
            self.telling.probed(name, ok, why)
            await asyncio.sleep(self.probe_every)
