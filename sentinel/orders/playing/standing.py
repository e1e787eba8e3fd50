"""The approved order in force, with its player bound to what the journal knows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sentinel.core.actions import Swap
from sentinel.core.market_state import MarketState
from sentinel.core.network import Symbol
from sentinel.core.record import PlayedOrder
from sentinel.core.units import BPS
from sentinel.orders.playing.carried_out import carried_out, same_tokens
from sentinel.orders.playing.envelope import envelope
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.trades import Side, Trade
from sentinel.orders.typed.order import Order

NO_ORDER = ""  # in place of a hash: nothing is traded


@dataclass(frozen=True, slots=True)
class StandingOrder:
    order: Order
    hash: str
    play: Callable[[MarketState], Play]  # the same answer for the same block
    now: Callable[[], str]  # the reason of the last play
    stands: Callable[[], bool] = lambda: True  # False once a command has cancelled or replaced it
    # What the player sees; None once the order is complete, cancelled or replaced.
    situation: Callable[[MarketState], Situation | None] = lambda state: None
    text: str = ""  # the operator's own words
    decimals: Mapping[Symbol, int] = field(default_factory=dict)  # of the network's tokens

    @property
    def cost_bps(self) -> int | None:
        """What a trade may cost, if the order says so."""
        return None if self.order.max_cost is None else int(self.order.max_cost * BPS)

    @property
    def max_trade(self) -> Decimal | None:
        """Quote tokens of its largest trade; None if only prices or holdings bound it."""
        return envelope(self.order).max_trade

    def clause(self, state: MarketState, swap: Swap, judgements: Mapping[str, bool]) -> int | None:
        """The clause that this swap carries out on this state; None if the order does not trade.

        Where two clauses may make the same trade, it is the one that these answers of the student lead to.
        """
        at = self.situation(state) if judgements else None
        judged = None if at is None else play(self.order, replace(at, judgements=judgements))
        if judged is not None and judged.trade is not None and same_tokens(swap, judged.trade):
            return judged.clause
        return carried_out(self.play(state), swap, self.decimals).clause

    def recorded(self, state: MarketState) -> PlayedOrder:
        """What it does on this state, for the record of the cycle."""
        played = self.play(state)
        return replace(self._recorded(played), possible=tuple(self._recorded(one) for one in played.possible))

    def _recorded(self, played: Play) -> PlayedOrder:
        if (trade := played.trade) is None:
            return PlayedOrder(self.hash, played.why, cost_bps=self.cost_bps)
        return PlayedOrder(
            self.hash,
            played.why,
            played.clause,
            trade.side.value,
            trade.sold,
            trade.bought,
            str(trade.amount),
            str(trade.worth),
            str(trade.min_profit),
            self.cost_bps,
            "" if trade.most is None else str(trade.most),
            "" if self.max_trade is None else str(self.max_trade),
        )


def restored(played: PlayedOrder) -> Play:
    """The play of a record."""
    possible = tuple(restored(one) for one in played.possible)
    if played.clause is None:
        return Play(None, None, played.why, frozenset(), possible)
    amount, worth, profit = Decimal(played.amount), Decimal(played.worth), Decimal(played.min_profit)
    most = Decimal(played.most) if played.most else None
    trade = Trade(Side(played.side), played.sold, played.bought, amount, worth, profit, most)
    return Play(trade, played.clause, played.why, frozenset(), possible)
