"""The daemon's loop with scripted heads and cycles: order, latest wins, stopping, faults."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import JournalError, OperatorError, RpcError
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


async def test_a_slow_cycle_skips_to_the_newest_head() -> None:
    """Heads that came during a cycle are never queued: the next cycle takes the newest one."""
    cycle = Cycle(takes=0.1)
    daemon = make(cycle, Heads(last=40), cycles=4)
    assert await daemon.run() == 0
    assert len(cycle.seen) == 4
    assert all(later - earlier > 3 for earlier, later in zip(cycle.seen, cycle.seen[1:], strict=False))


@pytest.mark.attack("a timer that something else restarts", "contained")
@pytest.mark.parametrize("looks", [False, True], ids=["a reader that hangs", "a chain that stands still"])
async def test_the_watchdog_is_fed_by_heads_and_cycles_alone(tmp_path: Path, looks: bool) -> None:
    """Probes that end feed nothing. Looks for heads do: a chain that stands still has systemd kill nothing."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.setblocking(False)
    probed = 0

    async def probe() -> tuple[bool, str]:
        nonlocal probed
        probed += 1
        return True, "fine"

    async def look() -> None:
        await (asyncio.sleep(0.02) if looks else asyncio.Event().wait())

    cycle = Cycle()
    daemon = make(cycle, Heads(last=1), probes={"model": probe}, probe_every=0.01, looks=look)
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    telling = replace(daemon.telling, notifier=notifier, pulse=Pulse(notifier, daemon.telling.health))
    daemon = replace(daemon, telling=telling, loop=replace(daemon.loop, telling=telling))
    running = asyncio.create_task(daemon.run())
    await cycle.started.wait()
    await asyncio.sleep(0.05)
    fed(manager)
    before = probed
    await asyncio.sleep(0.3)
    assert probed > before + 5
    assert (fed(manager) > 5) is looks
    daemon.stop()
    assert await asyncio.wait_for(running, 2) == 0
    manager.close()


async def test_a_start_on_a_chain_that_stands_still_is_extended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier run left is followed for as long as heads are looked for; a start that hangs is not extended."""
    monkeypatch.setattr("sentinel.daemon.daemon.PULSE", 0.05)
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.setblocking(False)
    daemon = make(Cycle(), Heads(last=1))
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    telling = replace(daemon.telling, notifier=notifier, pulse=Pulse(notifier, daemon.telling.health))
    hangs = False

    async def follow() -> None:
        while True:
            await asyncio.sleep(0.02)
            if not hangs:
                telling.health.looked()

    daemon = replace(daemon, telling=telling, loop=replace(daemon.loop, telling=telling), before=follow)
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(0.3)
    assert heard(manager, b"EXTEND_TIMEOUT_USEC") >= 3
    hangs = True
    await asyncio.sleep(0.1)
    heard(manager, b"")
    await asyncio.sleep(0.3)
    assert heard(manager, b"EXTEND_TIMEOUT_USEC") == 0
    daemon.stop()
    assert await asyncio.wait_for(running, 2) == 0
    manager.close()


def fed(manager: socket.socket) -> int:
    """How often the watchdog was fed since the last call."""
    return heard(manager, b"WATCHDOG=1")


def heard(manager: socket.socket, what: bytes) -> int:
    """How many messages since the last call begin so."""
    count = 0
    while True:
        try:
            count += manager.recv(4096).startswith(what)
        except BlockingIOError:
            return count


async def test_a_signal_lets_the_running_cycle_finish() -> None:
    """SIGTERM takes no new heads and cancels nothing."""
    cycle = Cycle(takes=0.3)
    daemon = make(cycle, Heads(last=100))
    running = asyncio.create_task(daemon.run())
    await cycle.started.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 2) == 0
    assert cycle.seen == cycle.finished
    assert len(cycle.seen) == 1


async def test_a_second_interrupt_forces_the_exit() -> None:
    """Who presses Ctrl-C twice does not wait for a cycle that hangs."""
    cycle = Cycle(takes=60)
    daemon = make(cycle, Heads(last=100))
    running = asyncio.create_task(daemon.run())
    await cycle.started.wait()
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(0.05)
    assert not running.done()
    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(running, 2) == 1
    assert cycle.finished == []


async def test_a_journal_that_fails_stops_the_daemon() -> None:
    """Without the durable record nothing may go on: exit code 1."""
    daemon = make(Cycle(fault=JournalError("disk full")), Heads(last=3))
    assert await asyncio.wait_for(daemon.run(), 2) == 1


async def test_a_fault_of_ours_stops_the_daemon() -> None:
    """A programming error is not survived in silence: exit code 1."""
    daemon = make(Cycle(fault=KeyError("oops")), Heads(last=3))
    assert await asyncio.wait_for(daemon.run(), 2) == 1


async def test_settled_transactions_are_told_with_their_drift() -> None:
    """What the follower finds reaches observers, board and metrics; a node that fails in between is no end."""
    told: list[Settled] = []
    cycles: list[CycleRecord] = []
    daemon = make(
        Cycle(),
        Heads(last=8, every=0.03),
        Follower(at=6, fails_at=3),
        cycles=7,
        on_settled=told.append,
        on_cycle=cycles.append,
    )
    assert await daemon.run() == 0
    assert [settled.intent_id for settled in told] == ["a1"]
    assert daemon.telling.board.trades()[0]["shortfall_bps"] == 0.0
    assert len(cycles) == 7


async def test_a_bounded_run_waits_for_what_is_in_flight() -> None:
    """After the last cycle the daemon follows the open transaction before it stops."""
    intent = Intent("a1", values.act(), values.act().simulation.tx, True, values.simulation().env, 0, 0)  # type: ignore[arg-type]
    follower = Follower(open_intent=intent)
    daemon = make(Cycle(), Heads(last=100), follower, cycles=1)
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(0.3)
    assert not running.done()
    follower.open_intent = None
    assert await asyncio.wait_for(running, 2) == 0


async def test_probes_tell_health_and_survive_what_they_find() -> None:
    """A part that fails its probe is not ready; the probe goes on and sees it come back."""
    answers: list[Callable[[], tuple[bool, str]]] = []

    async def probe() -> tuple[bool, str]:
        return answers[0]()

    def gone() -> tuple[bool, str]:
        raise RpcError("gone")

    answers.append(gone)
    daemon = make(Cycle(), Heads(last=0), probes={"model": probe}, probe_every=0.01)
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(0.1)
    found = {check.name: check for check in daemon.telling.health.ready()}
    assert found["model"].why == "gone"
    answers[0] = lambda: (True, "there")
    await asyncio.sleep(0.1)
    found = {check.name: check for check in daemon.telling.health.ready()}
    assert found["model"].ok
    daemon.stop()
    assert await asyncio.wait_for(running, 2) == 0


async def test_what_a_person_must_mend_is_raised_after_a_clean_stop() -> None:
    """A service that cannot start (a taken port) stops the others and reaches the command line as it is."""
    stopped: list[str] = []

    class Good:
        async def start(self) -> None:
            pass

        async def stop(self) -> None:
            stopped.append("good")

    class Taken(Good):
        async def start(self) -> None:
            raise OperatorError("port 8787 is taken")

    daemon = make(Cycle(), Heads(last=3), services=(Good(), Taken()))
    with pytest.raises(OperatorError, match="8787"):
        await asyncio.wait_for(daemon.run(), 2)
    assert "good" in stopped


async def test_services_stop_in_the_reverse_of_their_start() -> None:
    """The order is written once, in the list that the daemon is given."""
    told: list[str] = []

    @dataclass(frozen=True)
    class One:
        name: str

        async def start(self) -> None:
            told.append(f"{self.name} starts")

        async def stop(self) -> None:
            told.append(f"{self.name} stops")

    daemon = make(Cycle(), Heads(last=3), cycles=1, services=[One("a"), One("b"), One("c")])
    assert await daemon.run() == 0
    assert told == ["a starts", "b starts", "c starts", "c stops", "b stops", "a stops"]


async def test_the_next_heads_market_is_read_while_a_cycle_runs() -> None:
    """Each head is begun when it comes, so the cycle that takes it need not start from nothing."""
    begun: list[int] = []
    cycle = Cycle(takes=0.1)
    daemon = make(cycle, Heads(last=40), cycles=3, ahead=lambda head: begun.append(head.number))
    assert await daemon.run() == 0
    assert set(cycle.seen) <= set(begun)
    assert begun == sorted(begun)
    assert len(begun) > len(cycle.seen)


async def test_nothing_is_read_ahead_while_a_transaction_is_in_flight() -> None:
    """Those heads are held without a look at the market."""
    begun: list[int] = []
    intent = Intent("a1", values.act(), values.act().simulation.tx, True, values.simulation().env, 0, 0)  # type: ignore[arg-type]
    daemon = make(Cycle(), Heads(last=5), Follower(open_intent=intent), ahead=lambda head: begun.append(head.number))
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(0.2)
    daemon.stop()
    assert await asyncio.wait_for(running, 2) == 0
    assert begun == []
