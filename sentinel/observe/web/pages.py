"""What the web server asks for: pages from the journal, and what an operator may do through the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Protocol

from aiohttp import web

from sentinel.core.units import DAY, HOUR
from sentinel.observe.web.shown import DecisionList, Past, Series
from sentinel.observe.web.shown_decision import DecisionPage

MAX_RECORD = 2**63 - 1  # number of a record
RANGES = {"hours": 6 * HOUR, "days": 7 * DAY, "all": None}  # seconds before the newest point; None: from the beginning


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions a list is to hold. None and an empty text filter nothing."""

    act: bool | None = None
    reason: str = ""
    min_shortfall_bps: float | None = None
    before: int | None = None  # record number

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wanted:
        """From the query of a request. Raises ValueError, whose text says what is wrong."""
        decision = query.get("decision", "")
        shortfall, before = query.get("shortfall", "").strip(), query.get("before", "").strip()
        if decision not in ("", "act", "hold"):
            raise ValueError("decision is act or hold")
        bound, newest = float(shortfall) if shortfall else None, int(before) if before else None
        if (bound is not None and not isfinite(bound)) or not 0 <= (newest or 0) <= MAX_RECORD:
            raise ValueError("no such number")
        return cls(
            act={"act": True, "hold": False}.get(decision),
            reason=query.get("reason", ""),
            min_shortfall_bps=bound,
            before=newest,
        )


class Pages(Protocol):
    """Values from the journal. Methods raise JournalError."""

    async def past(self) -> Past: ...

    async def decisions(self, wanted: Wanted) -> DecisionList: ...

    async def decision(self, seq: int) -> DecisionPage | None: ...

    async def series(self, name: str) -> Series:
        """Of the range of RANGES with this name."""
        ...

    async def close(self) -> None: ...


class Controls(Protocol):
    """What an operator may do through the page."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a POST to /control/NAME."""
        ...
