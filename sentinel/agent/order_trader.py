"""The oracle of an approved order: its player decides, and writes the trade as a code action for the sandbox.

The code runs with the tools of a student's, so venues, quotes and least outputs come from the same place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Context, Decimal

from sentinel.agent.action_format import render_action
from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.episode import CodeRunner
from sentinel.agent.operator_code import CodeTrader, Program
from sentinel.core.actions import Candidate, Finish, HoldAction, Proposal, Sample
from sentinel.core.amounts import printable
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.network import Network, Symbol
from sentinel.orders.player import Play
from sentinel.orders.situation import Gap
from sentinel.orders.trades import Side, Trade

SOURCE = "oracle"
MAX_WHY = 600  # characters of a hold's reason
FLOAT = Context(prec=15, rounding=ROUND_DOWN)  # digits that a float keeps: an amount never grows on its way


@dataclass(frozen=True, slots=True)
class OrderTrader:
    """A trader whose only candidate is what the player of the order does."""

    plays: Callable[[MarketState], Play]
    sandbox: CodeRunner
    network: Network
    quoter: Quoter
    builder: Builder

    @property
    def source(self) -> str:
        return SOURCE

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        """A proposal of one final action, whatever `n` is."""
        play = self.plays(state)
        if play.trade is None:
            return _held(play.why)
        code = self._code(state, play.trade)
        runner = CodeTrader(Program("order", code), self.sandbox, self.network, self.quoter, self.builder)
        proposal = await runner.propose(state, view, 1)
        text = render_action(play.why, code)
        return replace(
            proposal,
            candidates=tuple(replace(one, text=text) for one in proposal.candidates),
            samples=(Sample(1, 0, text, 0, Finish.STOP),),
            source=SOURCE,
        )

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        """The same proposal: the player would do the same again."""
        return proposal

    def _code(self, state: MarketState, trade: Trade) -> str:
        amount, pair = f"amount = {FLOAT.plus(trade.amount):f}", f'"{trade.sold}", "{trade.bought}"'
        if trade.side is Side.ARBITRAGE:
            gap = best_gap(self.quoter, state, trade.sold, trade.bought, trade.amount)
            venues = ("", "") if gap is None else (gap.buy, gap.sell)
            return f'{amount}\nbalance("{trade.sold}")\ncycle({pair}, amount, "{venues[0]}", "{venues[1]}")'
        if self.quoter.venues(state, trade.sold, trade.bought):
            return f"{amount}\nswap({pair}, amount, {self._best(state, trade)}({pair}, amount))"
        return f'{amount}\nbest = best_route({pair}, amount)\nroute(best["tokens"], amount, best["venues"])'

    def _best(self, state: MarketState, trade: Trade) -> str:
        """The tool that names the venues. A split gives most, but none can be built if a venue pays too little."""
        pair, amount = (trade.sold, trade.bought), float(FLOAT.plus(trade.amount))
        try:
            self.builder.swap(state, *pair, amount, list(self.quoter.best_split(state, *pair, amount)))
        except (ActionFault, QuoteError):
            return "best_venue"
        return "best_split"


@dataclass(frozen=True, slots=True)
class HoldingTrader:
    """A trader that cannot trade, and says why. The order's exits are made beside it, with the same parts."""

    why: Callable[[MarketState], str]
    source: str
    sandbox: CodeRunner
    network: Network
    quoter: Quoter
    builder: Builder

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        """A proposal of one hold, whatever `n` is."""
        return replace(_held(self.why(state)), source=self.source)

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        """The same proposal."""
        return proposal


def _held(why: str) -> Proposal:
    text = render_action(printable(why, MAX_WHY), 'hold("the order does not trade now")')
    candidate = Candidate(0, HoldAction(printable(why, MAX_WHY)), text)
    return Proposal(1, (candidate,), (), (), (Sample(1, 0, text, 0, Finish.STOP),), 1, SOURCE)


def best_gap(quoter: Quoter, state: MarketState, quote: Symbol, coin: Symbol, amount: Decimal) -> Gap | None:
    """The best round trip with exactly this input; None if no two venues can fill it."""
    venues, spent, found = quoter.venues(state, quote, coin), float(amount), None
    for buy in venues:
        for sell in venues:
            if buy == sell:
                continue
            try:
                back = quoter.quote(state, coin, quote, quoter.quote(state, quote, coin, spent, buy), sell)
                profit = Decimal(repr(back)) - amount - Decimal(repr(quoter.gas_cost(state)))
            except QuoteError:
                continue
            if found is None or profit > found.profit:
                found = Gap(amount, profit, buy, sell)
    return found
