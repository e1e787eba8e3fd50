"""What is done at one block: act or hold, and the verdicts on it."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.core.simulation import Refusal, Simulation
from sentinel.core.units import BPS


@dataclass(frozen=True, slots=True)
class Act:
    simulation: Simulation
    votes: int
    asked: int
    margin: int  # votes ahead of the next class
    spread_bps: int  # of the winning set, over the compared amounts
    size_bps: int = BPS  # of what was voted for, that `simulation` puts in


@dataclass(frozen=True, slots=True)
class Hold:
    reason: str  # stable short name: "hold_voted" | "no_majority" | "tie" | "in_flight" | "model_unavailable" | …
    votes: int = 0
    asked: int = 0
    detail: str = ""  # one sentence in plain words


Decision = Act | Hold


@dataclass(frozen=True, slots=True)
class Sized:
    """The winner made anew at the part of its size that its agreement supports."""

    simulation: Simulation
    refusal: Refusal | None  # why policy took it; None where it may go on


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: str
    ok: bool
    detail: str
