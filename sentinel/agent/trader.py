"""The trader: makes one Proposal from one market state, in one episode of code actions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from sentinel.agent import action_format, prompt
from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.episode import CodeRunner, Sampler, extend, play
from sentinel.agent.memory_interface import EMPTY_MEMORY, Memory
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import Proposal
from sentinel.core.errors import ModelTimeout
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.network import Network, Symbol
from sentinel.core.stopwatch import Stopwatch


@dataclass(frozen=True, slots=True)
class ModelTrader:
    """A trader whose candidates come from a sampler, such as the student or the oracle."""

    sampler: Sampler
    sandbox: CodeRunner
    network: Network
    quoter: Quoter
    builder: Builder
    mandate: Mandate | None  # None: the request shows the order, in its reading
    first_thought: str = ""  # the start of the first thought; empty if the model writes all of it
    max_steps: int = 5
    timeout: float = 30.0  # seconds for all requests of one block: a late proposal belongs to an old block
    memory: Memory = EMPTY_MEMORY
    reading: str = ""  # of the approved order, if there is one
    base: Symbol = ""  # the coin that a tool takes if none is named
    venue: str = ""  # if set, network, quoter and builder know only this venue, and proposals name it

    @property
    def source(self) -> str:
        """Who proposes: `student:NAME`, `server:NAME` or `oracle`."""
        return self.sampler.source

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        """A proposal of n samples. Raises ModelUnavailable: ModelTimeout after `timeout` (I22)."""
        part = Stopwatch()
        with part("prompt"):
            messages = self._request(view)
        async with self._within(self.timeout):
            proposal = await play(
                self.sampler,
                self.sandbox,
                self._tools(state, view),
                messages,
                prompt.observation,
                n=n,
                max_steps=self.max_steps,
                prefill=action_format.prefill(self.first_thought),
            )
        return replace(proposal, source=self._named(proposal.source), timings={**part.seconds, **proposal.timings})

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        """The proposal with `more` further samples of its last step, within the rest of `timeout`.

        `state` and `view` are those that it was made from. Raises as `propose`.
        """
        async with self._within(max(0.0, self.timeout - sum(proposal.timings.values()))):
            return await extend(
                self.sampler,
                self.sandbox,
                self._tools(state, view),
                proposal,
                more=more,
                prefill=action_format.prefill(self.first_thought),
            )

    def _request(self, view: MarketView) -> list[prompt.Message]:
        if self.mandate is None:
            return prompt.of_order(self.reading)
        return prompt.messages(view, self.mandate, self.network.quote)

    def _named(self, source: str) -> str:
        """student:sentinel-student -> student:sentinel-student@uniswap_v3, unless the name ends with the venue."""
        return source if not self.venue or source.endswith(f"@{self.venue}") else f"{source}@{self.venue}"

    def _tools(self, state: MarketState, view: MarketView) -> Toolbox:
        remembered = self.memory.at(state)
        return Toolbox(state, view, self.network, self.quoter, self.builder, remembered, self.base)

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise ModelTimeout(f"no proposal within {self.timeout:g} s") from error
