"""The record of one cycle, as it is journaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.core.actions import Proposal
from sentinel.core.decision import Decision, Sized, Verdict
from sentinel.core.market_state import Head, MarketState, MarketView
from sentinel.core.simulation import Refusal, Simulation


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """Everything that happened for one block. It is enough for a replay."""

    head: Head
    state: MarketState | None  # None if the cycle held before the market was read
    view: MarketView | None
    proposal: Proposal | None
    simulations: tuple[Simulation, ...]
    refusals: tuple[Refusal, ...]
    decision: Decision
    verdicts: tuple[Verdict, ...]
    intent_id: str | None
    timings: Mapping[str, float]  # seconds by stage
    sized: Sized | None = None  # None if the trade was not scaled down
