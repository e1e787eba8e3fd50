"""The analyst, which says what the portfolio should be: the operator's settings, or a model in its own episode."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.agent import prompt
from sentinel.agent.analyst_tools import AnalystToolbox
from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.episode import CodeRunner, Sampler, play
from sentinel.agent.memory_interface import EMPTY_MEMORY, Memory
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import Proposal, View
from sentinel.core.errors import ModelTimeout, NoView
from sentinel.core.mandate import Brief
from sentinel.core.market_state import MarketState, MarketView, Regime
from sentinel.core.network import Network, Symbol
from sentinel.decide.hold_reason import no_answer


@dataclass(frozen=True, slots=True)
class SettingsAnalyst:
    """Gives the operator's target weights as a view."""

    target_weights: Mapping[Symbol, int]  # bps of equity, summing to 10,000

    def view(self, state: MarketState) -> MarketView:
        """The view of the settings, valid only for the state's block."""
        return MarketView(
            target_weights=self.target_weights,
            regime=Regime.UNKNOWN,
            confidence=1.0,
            valid_until=state.head.number,
            source="settings",
        )


@dataclass(frozen=True, slots=True)
class ModelAnalyst:
    """A model that analyzes the market with the trader's episode, sandbox and reads. Its only final action is `view`.

    The full and the fast analyst differ only in their sampler: the full one takes several steps, the fast one a single
    short step.
    """

    sampler: Sampler
    sandbox: CodeRunner
    network: Network
    quoter: Quoter
    builder: Builder  # required by the toolbox; no tool of an analyst uses it
    brief: Brief
    standing: SettingsAnalyst  # the operator's weights, which the tool `lean` shifts
    valid_for: int = 10  # blocks
    n: int = 1  # samples per step
    max_steps: int = 5
    timeout: float = 30.0  # seconds for the whole episode
    memory: Memory = EMPTY_MEMORY

    async def look(self, state: MarketState) -> MarketView:
        """Run an episode and return its view. Raises ModelUnavailable; NoView if no view has a majority of samples."""
        return self.read(await self.propose(state), state)

    async def propose(self, state: MarketState) -> Proposal:
        """Run the episode. Each candidate's action is a View. Raises ModelUnavailable: ModelTimeout after `timeout`."""
        messages = prompt.analysis(self.brief, self.network.quote)
        try:
            async with asyncio.timeout(self.timeout):
                return await play(
                    self.sampler,
                    self.sandbox,
                    self.tools(state),
                    messages,
                    prompt.observation,
                    n=self.n,
                    max_steps=self.max_steps,
                )
        except TimeoutError as error:
            raise ModelTimeout(f"no view within {self.timeout:g} s") from error

    def tools(self, state: MarketState) -> AnalystToolbox:
        """The tools at the state's block."""
        standing, remembered = self.standing.view(state), self.memory.at(state)
        base = self.brief.base
        return AnalystToolbox(Toolbox(state, standing, self.network, self.quoter, self.builder, remembered, base))

    def read(self, proposal: Proposal, state: MarketState) -> MarketView:
        """The view that more than half of the requested samples gave. Raises NoView if there is none."""
        views = [candidate.action for candidate in proposal.candidates if isinstance(candidate.action, View)]
        winner = max(views, key=views.count, default=None)
        if winner is None or 2 * views.count(winner) <= proposal.asked:
            raise NoView(f"no view of {proposal.asked} samples: {no_answer(proposal) or 'they differ'}")
        return MarketView(
            winner.weights, winner.regime, winner.confidence, state.head.number + self.valid_for, proposal.source
        )
