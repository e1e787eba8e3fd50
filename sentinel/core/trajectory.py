"""Trajectories: the training data of the student."""

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
    turns: tuple[Turn, ...]  # assistant turns from index `given` on are trained on; earlier turns are context
    first_thought: str
    action: str  # the final code action's effect, canonical JSON; empty if there was none
    score: float  # share of the oracle's value that the simulated action captured
    source: TrajectorySource
    state_id: str  # the state it belongs to: segment/bar/variant
    model: str = ""  # the LLM's name at its endpoint; empty for the oracle and in files older than this field
    given: int = 0  # number of leading turns that come from a student's real episode, not from the source
