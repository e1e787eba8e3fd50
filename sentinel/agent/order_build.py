"""From a trade of an order to the action that carries it out: the venues that give most, chosen by exact quotes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Context, Decimal

from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.core.actions import Action
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import MarketState
from sentinel.core.network import Symbol
from sentinel.orders.playing.situation import Gap
from sentinel.orders.playing.trades import Side, Trade

FLOAT = Context(prec=15, rounding=ROUND_DOWN)  # digits that a float keeps: an amount never grows on its way


@dataclass(frozen=True, slots=True)
class Build:
    """Builds the trades of one block, each once: most programs of an order make the same one. Safe in threads."""

    state: MarketState
    quoter: Quoter
    builder: Builder
    _made: dict[Trade, Action | ActionFault | QuoteError] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, trade: Trade) -> Action:
        """Raises ActionFault or QuoteError if no venue can carry it out."""
        with self._lock:
            if (made := self._made.get(trade)) is None:
                try:
                    made = built(trade, self.state, self.quoter, self.builder)
                except (ActionFault, QuoteError) as fault:
                    made = fault
                self._made[trade] = made
        if isinstance(made, ActionFault | QuoteError):
            raise made
        return made


def built(trade: Trade, state: MarketState, quoter: Quoter, builder: Builder) -> Action:
    """Raises ActionFault or QuoteError if no venue can carry it out."""
    amount, pair = float(FLOAT.plus(trade.amount)), (trade.sold, trade.bought)
    if trade.side is Side.ARBITRAGE:
        if (gap := best_gap(quoter, state, *pair, trade.amount)) is None:
            raise ActionFault(f"no two venues make a round trip through {trade.bought}")
        return builder.cycle(state, *pair, amount, gap.buy, gap.sell)
    if not quoter.venues(state, *pair):
        best = quoter.best_route(state, *pair, amount)
        return builder.route(state, [*best.tokens], amount, [*best.venues])
    try:
        return builder.swap(state, *pair, amount, [*quoter.best_split(state, *pair, amount)])
    except (ActionFault, QuoteError):  # a split gives most, but none can be built if a venue pays too little
        return builder.swap(state, *pair, amount, quoter.best_venue(state, *pair, amount))


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
