"""Health checks. Alive: heads are read and each gets its cycle. Ready: heads, model, fork and funds are available.

Pure state with an injected clock. The daemon writes it; the web server and the watchdog read it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sentinel.core.age import Age, clock_fault
from sentinel.core.market_state import Head

STUCK_AFTER = 120.0  # seconds that a cycle, a wait for one or a look for heads may take before the daemon is stuck


@dataclass(frozen=True, slots=True)
class HealthCheck:
    name: str
    ok: bool
    why: str  # one sentence for a person, also if the check passes


class Health:
    """NOTE: a part is not ready until its first report, nor after `max_silence` seconds without a report."""

    def __init__(
        self,
        *,
        max_head_age: float,
        parts: tuple[str, ...] = ("model", "fork", "funds"),
        max_silence: float = 60.0,
        stuck_after: float = STUCK_AFTER,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._max_head_age = max_head_age
        self._max_silence = max_silence
        self._stuck_after = stuck_after
        self._clock = clock
        self._ticks = ticks
        self._head: Head | None = None
        self._seen_at = 0.0  # when it came, by `ticks`
        self._busy_since: dict[str, float] = {}  # running part, such as the cycle or the follower -> its start
        self._waits_since: float | None = None  # when the oldest head that no cycle has taken yet came
        self._looked_at: float | None = None  # when heads were last looked for; None before that has begun
        self.looks = 0  # how often heads were looked for
        self._reports: dict[str, tuple[HealthCheck, float]] = {}
        self._parts = parts
        self._stopping = stopping

    def head_seen(self, head: Head) -> None:
        self._head, self._seen_at = head, self._ticks()
        if self._waits_since is None:
            self._waits_since = self._ticks()

    def looked(self) -> None:
        """Heads were looked for: a new one came, or there is none, or no endpoint answered."""
        self._looked_at = self._ticks()
        self.looks += 1

    @contextlib.contextmanager
    def busy(self, part: str) -> Iterator[None]:
        """Mark `part` as busy while the body runs. It counts as stuck after `stuck_after` seconds."""
        self._busy_since[part] = self._ticks()
        if part == "cycle":
            self._waits_since = None
        try:
            yield
        finally:
            del self._busy_since[part]

    def report(self, part: str, ok: bool, why: str) -> None:
        self._reports[part] = (HealthCheck(part, ok, why), self._ticks())

    def alive(self) -> tuple[HealthCheck, ...]:
        """Checks that nothing is stuck. An answer at all proves that the event loop runs.

        A chain that stands still, or an endpoint that is down, is not stuck: heads are still looked for.
        """
        return (self._cycle(), self._moves("follow"), self._reader())

    def ready(self) -> tuple[HealthCheck, ...]:
        checks = [*self.alive(), self._heads(), *(self._part(name) for name in self._parts)]
        if self._stopping():
            checks.append(HealthCheck("running", False, "the daemon is stopping"))
        return tuple(checks)

    def _cycle(self) -> HealthCheck:
        waits = self._ticks() - (self._waits_since if self._waits_since is not None else self._ticks())
        if waits > self._stuck_after and "cycle" not in self._busy_since:
            return HealthCheck("cycle", False, f"no cycle has taken a head that came {waits:.0f} s ago")
        return self._moves("cycle")

    def _reader(self) -> HealthCheck:
        silent = self._ticks() - (self._looked_at if self._looked_at is not None else self._ticks())
        stuck = silent > self._stuck_after
        return HealthCheck(
            "reader", not stuck, f"no look for heads has ended for {silent:.0f} s" if stuck else "not stuck"
        )

    def _moves(self, part: str) -> HealthCheck:
        busy = self._ticks() - self._busy_since.get(part, self._ticks())
        stuck = busy > self._stuck_after
        return HealthCheck(part, not stuck, f"has taken {busy:.0f} s" if stuck else "not stuck")

    def _heads(self) -> HealthCheck:
        if self._head is None:
            return HealthCheck("heads", False, "no head has been seen yet")
        age = Age.at(self._clock(), self._head.timestamp)
        why = f"block {self._head.number} is {age}"
        if age.within(self._max_head_age):
            return HealthCheck("heads", True, why)
        moving = age.seconds - (self._ticks() - self._seen_at) > self._max_head_age  # it was as old when it came
        why = f"{why}, more than {self._max_head_age:g} s: {clock_fault(age, moving)}"
        return HealthCheck("heads", False, why)

    def _part(self, name: str) -> HealthCheck:
        if name not in self._reports:
            return HealthCheck(name, False, "not checked yet")
        check, at = self._reports[name]
        silent = self._ticks() - at
        if silent > self._max_silence:
            return HealthCheck(name, False, f"not heard of for {silent:.0f} s")
        return check
