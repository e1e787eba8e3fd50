"""A daemon with scripted heads, cycles and follower."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sentinel.core.errors import RpcError
from sentinel.core.market_state import Head
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Intent, Settled
from sentinel.daemon.daemon import Daemon, Service
from sentinel.daemon.latest import Latest
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.loop import Loop
from sentinel.daemon.reporting import CycleReporter, OnCycle, OnSettled
from sentinel.observe.health import Health
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import logger
from sentinel.observe.metrics import Metrics
from sentinel.observe.status_board import Board
from sentinel.observe.systemd import Notifier, Pulse
from tests.daemon import values


@dataclass
class Heads:
    """Gives heads until `last`, then none: as a chain that stands still."""

    last: int
    every: float = 0.01  # seconds

    async def __aiter__(self) -> AsyncIterator[Head]:
        for number in range(1, self.last + 1):
            yield values.head(number)
            await asyncio.sleep(self.every)
        await asyncio.Event().wait()


@dataclass
class Cycle:
    takes: float = 0.0  # seconds
    fault: Exception | None = None
    seen: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, head: Head) -> CycleRecord:
        self.seen.append(head.number)
        self.started.set()
        if self.fault:
            raise self.fault
        await asyncio.sleep(self.takes)
        self.finished.append(head.number)
        return values.record(values.act(), head, intent_id="a1")


@dataclass
class Follower:
    open_intent: Intent | None = None
    at: int = 0  # settles at this head
    fails_at: int = 0
    seen: list[int] = field(default_factory=list)

    async def on_head(self, head: Head) -> Settled | None:
        self.seen.append(head.number)
        if head.number == self.fails_at:
            raise RpcError("no answer")
        return values.settled() if head.number == self.at else None


def make(
    cycle: Cycle,
    heads: Heads,
    follower: Follower | None = None,
    *,
    services: Sequence[Service] = (),
    on_cycle: OnCycle = lambda _: None,
    on_settled: OnSettled = lambda _: None,
    **more: Any,
) -> Daemon:
    """`more` is the loop's."""
    lifecycle, notifier = Lifecycle(), Notifier()
    health = Health(max_head_age=60, stopping=lambda: lifecycle.stopping)
    telling = CycleReporter(
        network=values.NETWORK,
        metrics=Metrics(values.NETWORK),
        health=health,
        board=Board(values.NETWORK),
        log=logger(),
        notifier=notifier,
        pulse=Pulse(notifier, health),
        on_cycle=(on_cycle,),
        on_settled=(on_settled,),
    )
    errors = InternalErrors(telling.metrics, logger())
    loop = Loop(lifecycle, heads, Latest(), cycle, follower or Follower(), telling, errors, **more)
    return Daemon(lifecycle, loop, telling, services)
