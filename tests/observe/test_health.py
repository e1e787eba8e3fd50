from __future__ import annotations

from dataclasses import dataclass

from sentinel.observe.health import Health
from tests.daemon import values


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def make(clock: Clock) -> Health:
    return Health(max_head_age=60, stuck_after=30, max_silence=20, clock=clock, ticks=clock)


def bad(health: Health) -> set[str]:
    return {check.name for check in health.ready() if not check.ok}


def test_nothing_is_ready_before_it_was_seen() -> None:
    """A daemon that has seen no head and checked no part is alive, but not ready."""
    health = make(Clock())
    assert all(check.ok for check in health.alive())
    assert bad(health) == {"heads", "model", "fork", "funds"}


def test_ready_needs_every_part_and_each_says_why() -> None:
    """Fresh heads and good reports are ready; one bad report is not, with its reason."""
    health = make(Clock())
    health.head_seen(values.head(timestamp=1_000))
    for part in ("model", "fork", "funds"):
        health.report(part, True, "fine")
    assert bad(health) == set()
    health.report("model", False, "no answer within 10 s")
    assert [check.why for check in health.ready() if not check.ok] == ["no answer within 10 s"]


def test_old_heads_and_silent_parts_are_not_ready() -> None:
    """Readiness is lost by time alone, when heads or reports stop."""
    clock = Clock()
    health = make(clock)
    health.head_seen(values.head(timestamp=1_000))
    for part in ("model", "fork", "funds"):
        health.report(part, True, "fine")
    clock.now += 21
    assert bad(health) == {"model", "fork", "funds"}
    clock.now += 60
    assert "heads" in bad(health)


def test_heads_that_are_not_looked_for_are_not_alive() -> None:
    """A look for heads that does not end is a fault; looks that end show it alive, even if no head comes for hours."""
    clock = Clock()
    health = make(clock)
    health.looked()
    health.head_seen(values.head(timestamp=1_000))
    with health.busy("cycle"):
        pass
    for _ in range(1_000):
        clock.now += 29
        health.looked()
        assert all(check.ok for check in health.alive())
    clock.now += 31
    assert [check.name for check in health.alive() if not check.ok] == ["reader"]


def test_heads_without_cycles_are_not_alive() -> None:
    """Heads come and no cycle takes them: that is stuck, counted from the oldest of them."""
    clock = Clock()
    health = make(clock)
    for number in range(4):
        health.head_seen(values.head(number=number))
        clock.now += 10
    assert [check.name for check in health.alive() if not check.ok] == ["cycle"]
    with health.busy("cycle"):
        assert all(check.ok for check in health.alive())


def test_a_head_ahead_of_the_clock_is_not_ready() -> None:
    """A clock behind the chain is told with its seconds; one that is ahead too, once blocks come with that age."""
    clock = Clock()
    health = make(clock)
    for seconds, words in ((-7_197, "7197 s behind the chain"), (7_197, "new blocks come, so this machine's clock is")):
        health.head_seen(values.head(timestamp=1_000 - seconds))
        (heads,) = [check for check in health.ready() if check.name == "heads"]
        assert not heads.ok
        assert words in heads.why
        assert "NTP" in heads.why
    health.head_seen(values.head(timestamp=1_000))
    clock.now += 61
    (heads,) = [check for check in health.ready() if check.name == "heads"]
    assert "the chain stands still" in heads.why


def test_what_is_stuck_is_not_alive() -> None:
    """A cycle, or a look at what is in flight, that takes too long makes the daemon count as stuck, until it ends."""
    clock = Clock()
    health = make(clock)
    for part in ("cycle", "follow"):
        with health.busy(part):
            clock.now += 31
            assert [check.name for check in health.alive() if not check.ok] == [part]
        assert all(check.ok for check in health.alive())
