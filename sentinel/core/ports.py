"""Interfaces between packages that may not import each other, each with several implementations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sentinel.core.actions import Candidate, Proposal
from sentinel.core.decision import Act, Verdict
from sentinel.core.market_state import Head, MarketState, MarketView
from sentinel.core.simulation import Refusal, Simulation
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent


class Market(Protocol):
    async def read(self, head: Head) -> MarketState: ...


class Analyst(Protocol):
    def view(self, state: MarketState) -> MarketView: ...


class Trader(Protocol):
    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal: ...

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        """Extend the proposal by `more` samples of its last step, which also count as asked for."""
        ...


class Toolkit(Protocol):
    async def simulate_all(self, state: MarketState, candidates: Sequence[Candidate]) -> tuple[Simulation, ...]: ...

    async def confirm(self, intent: Intent, head: Head, state: MarketState) -> tuple[Simulation, ...]:
        """Simulate the final bytes of the intent in several block environments on top of `head`."""
        ...


class Policy(Protocol):
    def screen(
        self, simulations: Sequence[Simulation], state: MarketState, spent: Spent
    ) -> tuple[tuple[Simulation, ...], tuple[Refusal, ...]]: ...

    def check(
        self,
        confirmed: Sequence[Simulation],
        decision: Act,
        state: MarketState,
        head: Head,
        spent: Spent,
        now: float,
    ) -> tuple[Verdict, ...]: ...


class Executor(Protocol):
    """Prepares and sends intents. In a dry run it prepares unsigned intents and sends nothing."""

    @property
    def open_intent(self) -> Intent | None: ...

    async def prepare(self, decision: Act, state: MarketState) -> Intent: ...

    async def execute(self, intent: Intent) -> None: ...
