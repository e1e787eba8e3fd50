"""Who says what the portfolio should be: the operator's settings, or a model in an episode of its own."""

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


@dataclass(frozen=True, slots=True)
class SettingsAnalyst:
    target_weights: Mapping[Symbol, int]  # bps of equity, summing to 10,000

    def view(self, state: MarketState) -> MarketView:
        """Valid for the state's own block: it is asked anew at each."""
        return MarketView(
            target_weights=self.target_weights,
            regime=Regime.UNKNOWN,
            confidence=1.0,
            valid_until=state.head.number,
            source="settings",
        )


@dataclass(frozen=True, slots=True)
class ModelAnalyst:
    """The trader's frame with another role: the same episode, sandbox and reads, and one final action, `view`.

    The full analyst and the fast one differ in who samples: one takes several steps, the other one short step.
    """

    sampler: Sampler
    sandbox: CodeRunner
    network: Network
    quoter: Quoter
    builder: Builder  # the toolbox has one; no tool of an analyst reaches it
    brief: Brief
    standing: SettingsAnalyst  # the shares that it leans
    valid_for: int = 10  # blocks
    n: int = 1  # samples a step
    max_steps: int = 5
    timeout: float = 30.0  # seconds for the whole episode
    memory: Memory = EMPTY_MEMORY

    async def look(self, state: MarketState) -> MarketView:
        """Raises ModelUnavailable, and NoView where most of the samples did not end with one and the same view."""
        return self.read(await self.propose(state), state)

    async def propose(self, state: MarketState) -> Proposal:
        """The episode; each candidate's action is a View."""
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
        standing, remembered = self.standing.view(state), self.memory.at(state)
        base = self.brief.base
        return AnalystToolbox(Toolbox(state, standing, self.network, self.quoter, self.builder, remembered, base))

    def read(self, proposal: Proposal, state: MarketState) -> MarketView:
        """What more than half of those asked said; raises NoView."""
        views = [one.action for one in proposal.candidates if isinstance(one.action, View)]
        said = max(views, key=views.count, default=None)
        if said is None or 2 * views.count(said) <= proposal.asked:
            why = ", ".join(sorted({f"{one.stage} {one.reason}" for one in proposal.discarded})) or "they differ"
            raise NoView(f"no view of {proposal.asked} samples: {why}")
        return MarketView(
            said.weights, said.regime, said.confidence, state.head.number + self.valid_for, proposal.source
        )
