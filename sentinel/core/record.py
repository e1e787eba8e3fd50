"""One block's whole way, as it is journaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.core.actions import Proposal
from sentinel.core.decision import Decision, Sized, Verdict
from sentinel.core.market_state import Head, MarketState, MarketView
from sentinel.core.simulation import Refusal, Simulation


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """One block's whole way, as journaled; enough to decide again and compare."""

    head: Head
    state: MarketState | None  # None where the cycle held before reading
    view: MarketView | None
    proposal: Proposal | None
    simulations: tuple[Simulation, ...]
    refusals: tuple[Refusal, ...]
    decision: Decision
    verdicts: tuple[Verdict, ...]
    intent_id: str | None
    timings: Mapping[str, float]  # seconds by stage
    sized: Sized | None = None  # None where all that was voted for went on, or nothing was made in its place
