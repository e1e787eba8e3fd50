"""The drill: runs the plan of faults by the clock and watches the alerts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.operations.drill_site import DrillSite
from sentinel.core.errors import Unavailable

LOOK = 2.0  # seconds between two reads of the alerts
Act = Callable[[DrillSite], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault of the plan."""

    what: str
    alert: str | None  # the alert that must fire; None: the daemon recovers before any fires
    at: float  # minutes from the start
    lasts: float  # minutes
    begin: Act
    end: Act


PLAN = (
    PlannedFault(
        "the student's server is stopped", "SentinelModelDown", 3, 4, DrillSite.student_down, DrillSite.student_up
    ),
    PlannedFault(
        "the chain stands still", "SentinelNoNewHead", 8.5, 4, DrillSite.chain_stands_still, DrillSite.chain_goes_on
    ),
    PlannedFault(
        "the daemon is killed (SIGKILL)", "SentinelDown", 14, 2.5, DrillSite.daemon_killed, DrillSite.daemon_started
    ),
    PlannedFault("the operator pauses trading", "SentinelPaused", 17.5, 1, DrillSite.paused, DrillSite.resumed),
    PlannedFault(
        "a reload with a wrong value",
        "SentinelReloadRefused",
        19,
        0.5,
        DrillSite.settings_spoilt,
        DrillSite.settings_mended,
    ),
    PlannedFault("the fork is killed", None, 19.5, 0.1, DrillSite.fork_killed, DrillSite.nothing),
    PlannedFault(
        "gas money runs out", "SentinelGasMoneyLow", 20, 6, DrillSite.gas_money_gone, DrillSite.gas_money_there
    ),
    PlannedFault(
        "the signer is frozen (SIGSTOP)",
        "SentinelSignerGone",
        26.5,
        2,
        DrillSite.signer_frozen,
        DrillSite.signer_thawed,
    ),
)


@dataclass(slots=True)
class FaultOutcome:
    """The times of one fault and its alert, in Unix seconds."""

    fault: str
    alert: str | None
    began: float
    ended: float | None = None
    fired: float | None = None
    cleared: float | None = None
    beside: list[str] = field(default_factory=list)  # other alerts that fired meanwhile


@dataclass(slots=True)
class Drill:
    """One run of the plan."""

    site: DrillSite
    minutes: float
    say: Callable[[float, str], None]  # minutes since the start, event
    started: float = field(default_factory=time.time)
    seen: list[FaultOutcome] = field(default_factory=list)
    _firing: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Run for `minutes`. Faults of the plan that do not end in this time are left out."""
        looking = asyncio.create_task(self._look())
        try:
            for fault in PLAN:
                if fault.at + fault.lasts >= self.minutes:
                    break
                await self._until(fault.at)
                self.seen.append(FaultOutcome(fault.what, fault.alert, time.time()))
                self.say(self._gone(), fault.what)
                await fault.begin(self.site)
                await self._until(fault.at + fault.lasts)
                await fault.end(self.site)
                self.seen[-1].ended = time.time()
            await self._until(self.minutes)
        finally:
            looking.cancel()
            await asyncio.wait({looking})

    def _gone(self) -> float:
        return (time.time() - self.started) / 60

    async def _until(self, minute: float) -> None:
        await asyncio.sleep(max(0.0, self.started + 60 * minute - time.time()))

    async def _look(self) -> None:
        while True:
            try:
                firing = await self.site.prometheus.firing()
            except Unavailable:
                firing = self._firing
            for name in sorted(firing - self._firing):
                self.say(self._gone(), f"{name} fires")
                expected = [outcome for outcome in self.seen if outcome.alert == name and outcome.fired is None]
                if expected:
                    expected[-1].fired = time.time()
                elif self.seen:
                    self.seen[-1].beside.append(name)
            for name in sorted(self._firing - firing):
                self.say(self._gone(), f"{name} clears")
                for outcome in self.seen:
                    if outcome.alert == name and outcome.fired is not None and outcome.cleared is None:
                        outcome.cleared = time.time()
            self._firing = firing
            await asyncio.sleep(LOOK)

    def result(self) -> dict[str, Any]:
        """The outcomes of all faults."""
        rows = []
        for outcome in self.seen:
            row = asdict(outcome)
            row["fired_after"] = None if outcome.fired is None else round(outcome.fired - outcome.began, 1)
            row["cleared_after"] = (
                None if outcome.cleared is None or outcome.ended is None else round(outcome.cleared - outcome.ended, 1)
            )
            rows.append(row)
        return {"minutes": self.minutes, "started": self.started, "ended": time.time(), "faults": rows}
