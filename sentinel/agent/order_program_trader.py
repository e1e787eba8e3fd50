"""The student's trader of an approved order: N programs of it, kept or sampled afresh, each run at every block."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sentinel.agent import trade_prompt
from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.episode import extend, play
from sentinel.agent.judging_student import Answers, JudgingStudent, joined, own_tools
from sentinel.agent.kept_programs import SEEDS, KeptPrograms
from sentinel.agent.order_code import OrderRunner, PreparingRunner
from sentinel.agent.order_tools import OrderTools
from sentinel.agent.prompt import observation
from sentinel.core.actions import Candidate, HoldAction, Proposal
from sentinel.core.errors import ModelTimeout
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.network import Network
from sentinel.orders.playing.standing import StandingOrder


@dataclass(frozen=True, slots=True)
class OrderProgramTrader:
    """A trader whose candidates are what the sampler's programs of the order do."""

    order: StandingOrder
    programs: KeptPrograms
    runner: OrderRunner
    network: Network
    quoter: Quoter
    builder: Builder
    timeout: float = 30.0  # seconds for all requests of one block: a late proposal belongs to an old block

    @property
    def source(self) -> str:
        return self.programs.source

    @property
    def sandbox(self) -> PreparingRunner:
        return self.runner.sandbox

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        """A proposal of n samples, which names the block at which they were drawn.

        Raises ModelUnavailable: ModelTimeout after `timeout` (I22).
        """
        if (tools := self._tools(state)) is None:
            return self._over(state)
        self.programs.at(state.head.number)
        messages = trade_prompt.trade_messages(self.order.text)
        prefill = trade_prompt.trade_prefill(self.order.order)
        try:
            async with asyncio.timeout(self.timeout):
                judged, seconds = await self._judged(tools, state, n)
                proposal = await play(
                    *(self.programs, self.runner, tools, messages, observation),
                    n=n,
                    max_steps=1,
                    prefill=prefill,
                    own=own_tools(tools, judged),
                )
        except TimeoutError as error:
            raise ModelTimeout(f"no proposal within {self.timeout:g} s") from error
        return replace(
            proposal, sampled_at=self.programs.sampled_at, judged=judged, timings=_with(proposal.timings, seconds)
        )

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        """The proposal with `more` further samples, within the rest of `timeout`.

        `state` and `view` are those that it was made from. Raises as `propose`.
        """
        if (tools := self._tools(state)) is None:
            return proposal
        prefill, asked = trade_prompt.trade_prefill(self.order.order), proposal.asked
        try:
            async with asyncio.timeout(max(0.0, self.timeout - sum(proposal.timings.values()))):
                judged, seconds = await self._judged(tools, state, more, asked)
                own = own_tools(tools, judged, after=asked)
                found = await extend(self.programs, self.runner, tools, proposal, more=more, prefill=prefill, own=own)
        except TimeoutError as error:
            raise ModelTimeout(f"no proposal within {self.timeout:g} s") from error
        return replace(found, judged=joined(proposal.judged, judged), timings=_with(found.timings, seconds))

    async def _judged(self, tools: OrderTools, state: MarketState, n: int, after: int = 0) -> tuple[Answers, float]:
        """The student's answers for n samples, and the seconds that they took; none where they change nothing now."""
        if not self.order.play(state).possible:
            return {}, 0.0
        begun = time.monotonic()
        student = JudgingStudent(self.programs.sampler, tuple(tools.at.judgements))
        return await student.answers(tools, n, state.head.number * SEEDS + after), time.monotonic() - begun

    def _tools(self, state: MarketState) -> OrderTools | None:
        """What is judged is answered with no until the student has said yes."""
        if (situation := self.order.situation(state)) is None:
            return None
        no = dict.fromkeys(self.order.order.judgements, False)
        return OrderTools.of(replace(situation, judgements=no), self.network, state, self.quoter, self.builder)

    def _over(self, state: MarketState) -> Proposal:
        """One hold, for an order that is complete, cancelled or replaced: no program is asked for."""
        candidate = Candidate(0, HoldAction(self.order.play(state).why), "")
        return Proposal(1, (candidate,), (), (), (), 1, self.source)


def _with(timings: Mapping[str, float], seconds: float) -> dict[str, float]:
    """The timings, with the seconds that the student judged."""
    return {**timings, "model": timings.get("model", 0.0) + seconds}
