"""The trader: one market state -> one Proposal, by one episode of code actions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sentinel.agent import form, prompt
from sentinel.agent.episode import Runner, Sampler, play
from sentinel.agent.tools import Builder, Quoter, Toolbox
from sentinel.errors import ModelUnavailable
from sentinel.types import Mandate, MarketState, MarketView, Network, Proposal


@dataclass(frozen=True, slots=True)
class Trader:
    sampler: Sampler
    sandbox: Runner
    network: Network
    quoter: Quoter
    builder: Builder
    mandate: Mandate
    first_thought: str = ""  # how the first thought begins; empty: the model's own
    max_steps: int = 5
    timeout: float = 30.0  # seconds for the whole episode: a late proposal belongs to an old block

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        """n final actions wanted. Raises ModelUnavailable, after `timeout` too (I22)."""
        try:
            async with asyncio.timeout(self.timeout):
                return await play(
                    self.sampler,
                    self.sandbox,
                    Toolbox(state, view, self.network, self.quoter, self.builder),
                    prompt.messages(state, view, self.mandate, self.network.quote),
                    prompt.observation,
                    n=n,
                    max_steps=self.max_steps,
                    prefill=form.prefill(self.first_thought),
                )
        except TimeoutError as error:
            raise ModelUnavailable(f"no proposal within {self.timeout:g} s") from error
