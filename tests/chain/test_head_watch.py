"""The clock of the subscription's silence, at the shipped times, over chains of 250 ms, 2 s and 12 s a block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sentinel.chain.head_watch import HeadTimes, HeadWatch

STEP = 0.05  # seconds
Gives = Callable[[int], bool]  # whether the subscription gives the head of this number


@dataclass
class Played:
    """A chain, a subscription and polls, as `HeadStream` joins them, in steps of the injected clock."""

    block_time: float
    gives: Gives
    stops_at: float = float("inf")  # seconds after which the chain stands still
    now: float = 1_000.0
    reached: dict[int, float] = field(default_factory=dict)  # head -> when it came, from any source
    connected: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    told: int = 0
    stalls: int = 0

    def run(self, seconds: float) -> Played:
        times = HeadTimes.of(self.block_time)
        watch, start, seen, subscribed = HeadWatch(times, lambda: self.now), self.now, 0, False
        while self.now < start + seconds:
            newest = 1 + int(min(self.now - start, self.stops_at) / self.block_time)
            if subscribed and newest > seen and self.gives(newest):
                self._came(newest, watch)
                watch.heard()
            seen = newest
            if watch.poll_in() == 0:
                self.polls.append(self.now)
                watch.polled()
                watch.showed(new=self._came(newest, watch))
            if watch.tell_stall() is not None:
                self.stalls += 1
            if watch.deaf:
                self.told += watch.tell_silence()
                watch.ended()
                subscribed = False
            if not subscribed and watch.connect_in() == 0:
                self.connected.append(self.now)
                watch.connecting()
                watch.subscribed()
                subscribed = True
            self.now += STEP
        return self

    def _came(self, number: int, watch: HeadWatch) -> bool:
        if number in self.reached:
            return False
        self.reached[number] = self.now
        watch.moved()
        return True


blocks = pytest.mark.parametrize("block_time", [0.25, 2.0, 12.0])


@blocks
@pytest.mark.attack("a timer that something else restarts", "contained")
@pytest.mark.parametrize(
    "gives", [lambda _: False, lambda n: n < 20, lambda n: n % 3 == 0], ids=["none", "20", "third"]
)
def test_a_silent_subscription_costs_no_blocks(block_time: float, gives: Gives) -> None:
    """90 blocks and a subscription that gives none, the first 20 or each third: nearly all come, each in time."""
    played = Played(block_time, gives).run(max(180.0, 90 * block_time))
    made = int((played.now - 1_000.0) / block_time)
    assert len(played.reached) >= 0.95 * made
    assert all(later - earlier >= 15 for earlier, later in zip(played.connected, played.connected[1:], strict=False))
    late = [came - 1_000.0 - (number - 1) * block_time for number, came in played.reached.items()]
    assert max(late) <= 0.75 * block_time + 2 * STEP


@blocks
def test_a_silence_is_told_once_and_ended_by_heads_alone(block_time: float) -> None:
    """One line for all the connections that give nothing."""
    played = Played(block_time, lambda _: False).run(180.0 if block_time < 10 else 600.0)
    assert played.told == 1
    assert len(played.connected) > 5


@blocks
def test_a_chain_that_stands_still_makes_no_connection(block_time: float) -> None:
    """No new block for an hour: the one subscription stays, the stall is told once, polls are calm."""
    played = Played(block_time, lambda _: True, stops_at=60.0).run(3_600.0)
    assert (len(played.connected), played.told, played.stalls) == (1, 0, 1)
    assert len(played.polls) <= 3_700


@blocks
def test_a_subscription_that_gives_heads_is_polled_rarely(block_time: float) -> None:
    """Polls are for silence: while heads come, one in 15 s or in five blocks."""
    played = Played(block_time, lambda _: True).run(600.0)
    assert len(played.polls) <= 600 / max(15.0, 5 * block_time) + 3
    assert (len(played.connected), played.told) == (1, 0)


def test_irregular_blocks_are_no_silence() -> None:
    """Two of three slots are missed: polls bridge, and the subscription, which gives every block, is kept."""
    played = Played(36.0, lambda _: True)
    watch = HeadWatch(HeadTimes.of(12.0), lambda: played.now)
    watch.subscribed()
    for second in range(600):
        if watch.poll_in() == 0:
            watch.polled()
            watch.showed(new=second > 0 and second % 36 == 0)
        if second % 36 == 1:
            watch.heard()
        played.now += 1
        assert not watch.deaf
