"""The oracle of an approved order: its player decides, and its trade is built like that of an order's program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sentinel.agent.action_format import render_action
from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.order_build import built
from sentinel.agent.order_program import called
from sentinel.core.actions import Candidate, Discarded, DiscardReason, Finish, HoldAction, Proposal, Sample, Stage
from sentinel.core.amounts import printable
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.untrusted_text import one_line
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.trades import Side, Trade
from sentinel.orders.typed import actions

SOURCE = "oracle"
MAX_WHY = 600  # characters of a hold's reason


@dataclass(frozen=True, slots=True)
class OrderTrader:
    """A trader whose only candidate is what the player of the order does."""

    plays: Callable[[MarketState], Play]
    quoter: Quoter
    builder: Builder
    source: str = SOURCE  # who proposes; of a model that has no order to trade by, its own

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        """A proposal of one final action, whatever `n` is."""
        play = self.plays(state)
        if play.trade is None:
            return self._held(play.why)
        text = render_action(play.why, called(_as_action(play.trade)))
        try:
            return self._proposal(text, Candidate(0, built(play.trade, state, self.quoter, self.builder), text))
        except (ActionFault, QuoteError) as fault:
            why = one_line(str(fault), 160)
            return self._proposal(text, Discarded(0, Stage.ACTION, DiscardReason.UNBUILDABLE, why))

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        """The same proposal: the player would do the same again."""
        return proposal

    def _held(self, reason: str) -> Proposal:
        why = printable(reason, MAX_WHY)
        text = render_action(why, 'hold("the order does not trade now")')
        return self._proposal(text, Candidate(0, HoldAction(why), text))

    def _proposal(self, text: str, outcome: Candidate | Discarded) -> Proposal:
        samples = (Sample(1, 0, text, 0, Finish.STOP),)
        if isinstance(outcome, Candidate):
            return Proposal(1, (outcome,), (), (), samples, 1, self.source)
        return Proposal(1, (), (outcome,), (), samples, 1, self.source)


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
