"""What the student learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TrajectorySource = Literal["oracle", "llm"]


@dataclass(frozen=True, slots=True)
class Turn:
    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Trajectory:
    id: str
    playbook: str
    turns: tuple[Turn, ...]  # assistant turns from `given` on carry loss, the others condition
    first_thought: str
    action: str  # the final code action's effect, canonical JSON; empty where there was none
    score: float  # share of the oracle's value that the simulated action captured
    source: TrajectorySource
    state_id: str  # the state it belongs to: segment/bar/variant
    model: str = ""  # which LLM, as its endpoint names it; empty for the oracle and in files older than this field
    given: int = 0  # turns at the beginning that are not the source's own: what a student really did and saw
