"""Proposes the allowance that an approved order lacks: the student's programs, or the order's own approval.

What is proposed is simulated, screened and voted like a trade, and policy allows at most what the order can take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sentinel.agent.approve_prompt import approve_messages, approve_program
from sentinel.agent.approve_tools import ApproveTools
from sentinel.agent.dex_interface import Builder
from sentinel.agent.episode import Message, Sampler, play
from sentinel.agent.kept_programs import SEEDS
from sentinel.agent.order_code import OrderRunner
from sentinel.agent.prompt import observation
from sentinel.agent.trade_prompt import trade_prefill
from sentinel.core.actions import Candidate, Proposal, Sample
from sentinel.core.errors import ActionFault, CodeFault, ModelTimeout, ModelUnavailable
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.orders.spending import spending
from sentinel.orders.standing import StandingOrder

OWN = "oracle"  # the source of the order's own approval
PART = 1_000  # seeds of a block from here on are those of approvals


@dataclass(frozen=True, slots=True)
class AllowanceTrader:
    """`sampler` and `runner` are the student's; None: the order's own approval is proposed at once."""

    order: StandingOrder
    network: Network
    builder: Builder
    caps: Mapping[Symbol, int]  # largest allowance by token in base units
    sampler: Sampler | None = None
    runner: OrderRunner | None = None
    timeout: float = 30.0  # seconds

    def lacking(self, state: MarketState) -> Symbol | None:
        """The token of which a trade that the order makes now, by some judgement, takes more than is allowed."""
        played = self.order.play(state)
        for trade in (one.trade for one in (played, *played.possible) if one.trade is not None):
            token = trade.sold
            if token == NATIVE or token not in state.allowances:
                continue
            if trade.amount.scaleb(self.network.tokens[token].decimals) > state.allowances[token]:
                return token
        return None

    async def propose(self, state: MarketState, token: Symbol, n: int) -> Proposal:
        """n of the student's approvals. Raises ModelUnavailable, also if there is no student."""
        if self.sampler is None or self.runner is None:
            raise ModelUnavailable("no student approves for the order")
        try:
            async with asyncio.timeout(self.timeout):
                return await play(
                    *(_Seeded(self.sampler, state.head.number * SEEDS + PART), self.runner, self._tools(state)),
                    *(approve_messages(self.order.text, token), observation),
                    n=n,
                    max_steps=1,
                    prefill=trade_prefill(self.order.order),
                )
        except TimeoutError as error:
            raise ModelTimeout(f"no approval was proposed within {self.timeout:g} s") from error

    def own(self, state: MarketState, token: Symbol) -> Proposal:
        """The order's own approval, as one candidate: all that its trades can take; none if it cannot be built."""
        most = spending(self.order.order).get(token)
        amount = "all" if most is None else f"{most:f} {token}"
        try:
            action = self._tools(state).approve(token, amount)
        except (ActionFault, CodeFault):
            return Proposal(1, (), (), (), (), 1, OWN)
        return Proposal(1, (Candidate(0, action, approve_program(self.order.order, token)),), (), (), (), 1, OWN)

    def _tools(self, state: MarketState) -> ApproveTools:
        decimals = {symbol: token.decimals for symbol, token in self.network.tokens.items()}
        caps = {symbol: Decimal(self.caps.get(symbol, 0)).scaleb(-decimals[symbol]) for symbol in decimals}
        return ApproveTools(state, self.network, self.builder, caps)


@dataclass(frozen=True, slots=True)
class _Seeded:
    """The sampler with seeds of this block's own."""

    sampler: Sampler
    seed: int

    @property
    def source(self) -> str:
        return self.sampler.source

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        return await self.sampler.sample(messages, n, prefill, after=self.seed + after)
