"""The daemon's loop with scripted heads and cycles: order, latest wins, stopping, faults."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sentinel.core.errors import JournalError, OperatorError, RpcError
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Intent, Settled
from tests.daemon import values
from tests.daemon.scripted import Cycle, Follower, Heads, make


async def test_a_slow_cycle_skips_to_the_newest_head() -> None:
    """Heads that came during a cycle are never queued: the next cycle takes the newest one."""
    cycle = Cycle(takes=0.1)
    daemon = make(cycle, Heads(last=40), cycles=4)
    assert await daemon.run() == 0
    assert len(cycle.seen) == 4
    assert all(later - earlier > 3 for earlier, later in zip(cycle.seen, cycle.seen[1:], strict=False))


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
    assert daemon.telling.board.status()["transactions"] == {"confirmed": 1}
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
