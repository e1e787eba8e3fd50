"""The record of one cycle, as it is journaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.core.actions import Proposal
from sentinel.core.decision import Decision, Sized, Verdict
from sentinel.core.market_state import Head, MarketState, MarketView
from sentinel.core.network import Symbol
from sentinel.core.simulation import Refusal, Simulation
from sentinel.core.spent import Spent


@dataclass(frozen=True, slots=True)
class PlayedOrder:
    """What the player of the approved order did on the state. Decimals are text, so that a record is exact."""

    order_hash: str
    why: str
    clause: int | None = None  # None, and no trade, if it held
    side: str = ""
    sold: Symbol = ""
    bought: Symbol = ""
    amount: str = "0"  # whole tokens of `sold`
    worth: str = "0"  # quote tokens
    min_profit: str = "0"  # of an arbitrage, quote tokens
    cost_bps: int | None = None  # what a trade may cost, if the order says so
    most: str = ""  # whole tokens of `sold` that the order's limits allow; empty: none binds
    max_trade: str = ""  # quote tokens of the order's largest trade; empty: only prices or holdings bound it
    possible: tuple[PlayedOrder, ...] = ()  # what it does by each judgement; empty if none made a difference


@dataclass(frozen=True, slots=True)
class FinalCheckInput:
    """What the final check judged, beside what the record holds anyway. With it the check can be made again."""

    confirmed: tuple[Simulation, ...]  # of the final bytes, in several block environments
    head: Head  # that they were simulated upon
    at: float  # Unix seconds


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
    played: PlayedOrder | None = None  # None without an order, or if the cycle held before the market was read
    exit_made: bool = False  # the vote held, so the exit that the order wants was proposed alone in its place
    spent: Spent | None = None  # the day's totals that policy saw; None in older records, or without a market
    final: FinalCheckInput | None = None  # what the final check judged; None if it was not reached
