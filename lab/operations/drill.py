"""The plan of faults, carried out against the clock while alerts are watched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.operations.drill_site import DrillSite
from sentinel.core.errors import Unavailable

LOOK = 2.0  # seconds
Act = Callable[[DrillSite], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PlannedFault:
    what: str
    alert: str | None  # the one that must fire; None: it mends itself before any does
    at: float  # minutes from the start, of a plan of 30
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
    """Times are Unix seconds."""

    fault: str
    alert: str | None
    began: float
    ended: float | None = None
    fired: float | None = None
    cleared: float | None = None
    beside: list[str] = field(default_factory=list)  # other alerts that began meanwhile


@dataclass(slots=True)
class Drill:
    site: DrillSite
    minutes: float
    say: Callable[[float, str], None]  # minutes gone, and what happens
    started: float = field(default_factory=time.time)
    seen: list[FaultOutcome] = field(default_factory=list)
    _firing: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Until the minutes are over. Faults are where they stand in the plan of 30 minutes, the rest is left out."""
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
                now = await self.site.prometheus.firing()
            except Unavailable:
                now = self._firing
            for name in sorted(now - self._firing):
                self.say(self._gone(), f"{name} fires")
                mine = [one for one in self.seen if one.alert == name and one.fired is None]
                if mine:
                    mine[-1].fired = time.time()
                elif self.seen:
                    self.seen[-1].beside.append(name)
            for name in sorted(self._firing - now):
                self.say(self._gone(), f"{name} clears")
                for one in self.seen:
                    if one.alert == name and one.fired is not None and one.cleared is None:
                        one.cleared = time.time()
            self._firing = now
            await asyncio.sleep(LOOK)

    def result(self) -> dict[str, Any]:
        rows = []
        for one in self.seen:
            row = asdict(one)
            row["fired_after"] = None if one.fired is None else round(one.fired - one.began, 1)
            row["cleared_after"] = (
                None if one.cleared is None or one.ended is None else round(one.cleared - one.ended, 1)
            )
            rows.append(row)
        return {"minutes": self.minutes, "started": self.started, "ended": time.time(), "faults": rows}
