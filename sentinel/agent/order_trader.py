"""The oracle of an approved order: its player decides, and its trade is built like that of an order's program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sentinel.agent.action_format import render_action
from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.order_build import built
from sentinel.agent.order_program import called
from sentinel.core.actions import Candidate, Discarded, DiscardReason, Finish, HoldAction, Proposal, Sample, Stage
from sentinel.core.amounts import printable
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.untrusted_text import one_line
from sentinel.orders import actions
from sentinel.orders.player import Play
from sentinel.orders.trades import Side, Trade

SOURCE = "oracle"
MAX_WHY = 600  # characters of a hold's reason


@dataclass(frozen=True, slots=True)
class OrderTrader:
    """A trader whose only candidate is what the player of the order does."""

    plays: Callable[[MarketState], Play]
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
        text = render_action(play.why, called(_as_action(play.trade)))
        try:
            return _proposal(text, Candidate(0, built(play.trade, state, self.quoter, self.builder), text))
        except (ActionFault, QuoteError) as fault:
            return _proposal(text, Discarded(0, Stage.ACTION, DiscardReason.UNBUILDABLE, one_line(str(fault), 160)))

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        """The same proposal: the player would do the same again."""
        return proposal


@dataclass(frozen=True, slots=True)
class HoldingTrader:
    """A trader that cannot trade, and says why. The order's exits are made beside it, with the same parts."""

    why: Callable[[MarketState], str]
    source: str
    quoter: Quoter
    builder: Builder

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        """A proposal of one hold, whatever `n` is."""
        return replace(_held(self.why(state)), source=self.source)

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        """The same proposal."""
        return proposal


def _held(reason: str) -> Proposal:
    why = printable(reason, MAX_WHY)
    text = render_action(why, 'hold("the order does not trade now")')
    return _proposal(text, Candidate(0, HoldAction(why), text))


def _proposal(text: str, outcome: Candidate | Discarded) -> Proposal:
    samples = (Sample(1, 0, text, 0, Finish.STOP),)
    if isinstance(outcome, Candidate):
        return Proposal(1, (outcome,), (), (), samples, 1, SOURCE)
    return Proposal(1, (), (outcome,), (), samples, 1, SOURCE)


def _as_action(trade: Trade) -> actions.Action:
    """The trade as an action of the language, for the text of the candidate."""
    match trade.side:
        case Side.BUY:
            return actions.Buy(trade.bought, actions.Worth(trade.amount))
        case Side.SELL:
            return actions.Sell(trade.sold, actions.Coins(trade.amount))
        case Side.SWAP:
            return actions.Exchange(trade.sold, trade.bought, actions.Coins(trade.amount))
        case Side.ARBITRAGE:
            return actions.Arbitrage(trade.bought, actions.Worth(trade.amount), actions.Worth(trade.min_profit))
