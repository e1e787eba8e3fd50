"""Proposes the allowance that an approved order lacks: the student's programs, or the order's own approval.

What is proposed is simulated, screened and voted like a trade, and policy allows at most what the order can take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sentinel.agent.approve_prompt import approve_messages, approve_program
from sentinel.agent.approve_tools import ApproveTools
from sentinel.agent.dex_interface import Builder
from sentinel.agent.episode import play
from sentinel.agent.kept_programs import KeptPrograms
from sentinel.agent.order_code import OrderRunner
from sentinel.agent.prompt import observation
from sentinel.agent.trade_prompt import trade_prefill
from sentinel.core.actions import Action, Candidate, Proposal
from sentinel.core.errors import ActionFault, CodeFault, ModelTimeout, ModelUnavailable
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.orders.playing.spending import base_units, spending
from sentinel.orders.playing.standing import StandingOrder

OWN = "oracle"  # the source of the order's own approval


@dataclass(frozen=True, slots=True)
class AllowanceTrader:
    """`programs` and `runner` are the student's; None: the order's own approval is proposed at once."""

    order: StandingOrder
    network: Network
    builder: Builder
    caps: Mapping[Symbol, int]  # largest allowance by token in base units
    programs: KeptPrograms | None = None
    runner: OrderRunner | None = None
    timeout: float = 30.0  # seconds

    def lacking(self, state: MarketState) -> Symbol | None:
        """The token of which a trade that the order may make now takes more than is allowed, but no more than the cap.

        Above the cap no allowance can help, and the trade is left to be refused.
        """
        return next(iter(self._needs(state)), None)

    def _needs(self, state: MarketState) -> dict[Symbol, int]:
        """By token that is lacking: what the smallest of its trades takes, in base units."""
        played, needs = self.order.play(state), dict[Symbol, int]()
        for trade in (one.trade for one in played.possible or (played,) if one.trade is not None):
            token = trade.sold
            if token == NATIVE or token not in state.allowances:
                continue
            takes = base_units(trade.amount, self.network.tokens[token].decimals)
            if state.allowances[token] < takes <= self.caps.get(token, 0):
                needs[token] = min(takes, needs.get(token, takes))
        return needs

    async def propose(self, state: MarketState, token: Symbol, n: int) -> Proposal:
        """n of the student's approvals. Raises ModelUnavailable, also if there is no student."""
        if self.programs is None or self.runner is None:
            raise ModelUnavailable("no student approves for the order")
        self.programs.at(state.head.number)
        try:
            async with asyncio.timeout(self.timeout):
                return await play(
                    *(self.programs, self.runner, self._tools(state, token)),
                    *(approve_messages(self.order.text, token), observation),
                    n=n,
                    max_steps=1,
                    prefill=trade_prefill(self.order.order),
                )
        except TimeoutError as error:
            raise ModelTimeout(f"no approval was proposed within {self.timeout:g} s") from error

    def own(self, state: MarketState, token: Symbol) -> tuple[Proposal, ...]:
        """The order's own approval, of all that its trades can take; then zero, if something is allowed already.

        Some tokens let an allowance be changed only from zero. Each is one candidate; none if it cannot be built.
        """
        most = spending(self.order.order).get(token)
        amount = "all" if most is None else f"{most:f} {token}"
        tools, code = self._tools(state, token), approve_program(self.order.order, token)
        made = [_one(lambda: tools.approve(token, amount), code)]
        if state.allowances.get(token, 0):
            made.append(_one(lambda: self.builder.approve(state, token, 0), f'approve("{token}", 0)'))
        return tuple(made)

    def _tools(self, state: MarketState, token: Symbol) -> ApproveTools:
        return ApproveTools(state, self.network, self.builder, token, self._needs(state).get(token, 0), self.caps)


def _one(made: Callable[[], Action], code: str) -> Proposal:
    try:
        candidates: tuple[Candidate, ...] = (Candidate(0, made(), code),)
    except (ActionFault, CodeFault):
        candidates = ()
    return Proposal(1, candidates, (), (), (), 1, OWN)
