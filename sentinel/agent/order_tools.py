"""The tools of an order's program: its reads, and actions in the words of the order that are sized as its player does.

An action tool trades only if the player of such a clause would; else it does nothing and the program goes on. The first
trade ends the program: later actions do nothing. What cannot be judged does nothing, and then only sales are made, as
with the player (`orders/playing/player.py`). The tools remember what one run has called, so each run gets its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import localcontext
from typing import Any

from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.order_amounts import amount_of, clause_of, percents, share_of, way_of
from sentinel.agent.order_build import Build
from sentinel.agent.order_reads import OrderReads, number
from sentinel.agent.tool_arguments import checked_tool
from sentinel.core.actions import Action, HoldAction
from sentinel.core.amounts import printable
from sentinel.core.errors import CodeFault
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol
from sentinel.orders.playing.judging import Judged
from sentinel.orders.playing.player import PRECISION, done, reason_to_act
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.situation_values import Unknown
from sentinel.orders.playing.trades import NoTrade, Side, Trade, trade
from sentinel.orders.typed import actions
from sentinel.orders.typed.order import Clause, Order

MAX_WHY = 600  # characters of a hold's reason
NO_TRADE = "the program does not trade now"


@dataclass(slots=True)
class _Run:
    """What one run of a program has called so far."""

    limits: dict[str, Any] = field(default_factory=dict)  # fields of the Order
    ended: bool = False
    traded: bool = False
    unknown: bool = False  # an action before could not be judged
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)  # without slots: cached_property needs a dict
class OrderTools:
    """The tools of one run at one block. Each public method is an action or a limit."""

    at: Situation
    quote: Symbol
    known: frozenset[Symbol]  # tokens of the network
    make: Callable[[Trade], Action]  # builds the action. Raises ActionFault or QuoteError
    _run: _Run = field(default_factory=_Run, init=False, repr=False, compare=False)

    @staticmethod
    def of(at: Situation, network: Network, state: MarketState, quoter: Quoter, builder: Builder) -> OrderTools:
        """The tools at the block of `state`, where the venues are chosen. `at.judgements` has the student's answers."""
        known = frozenset(network.tokens)
        return OrderTools(at, network.quote, known, Build(state, quoter, builder))

    def anew(self) -> OrderTools:
        """The same tools for another run."""
        return replace(self)

    # ------------------------------------------------------------ actions

    def buy(self, coin: str, amount: object, **modifiers: object) -> Action | None:
        """Buy for so many quote tokens, or "2 WETH", "50%" or "all" of the quote tokens."""
        bought = self._reads.coin(coin)
        return self._act(actions.Buy(bought, amount_of(amount, self.quote, bought)), modifiers)

    def sell(self, coin: str, amount: object, **modifiers: object) -> Action | None:
        """Sell for so many quote tokens, or "2 WETH", "50%" or "all" of what is held."""
        sold = self._reads.coin(coin)
        return self._act(actions.Sell(sold, amount_of(amount, self.quote, sold)), modifiers)

    def exchange(self, sold: str, bought: str, amount: object, **modifiers: object) -> Action | None:
        """Swap one coin for another; the amount is of the coin sold, as in `sell`."""
        pair = self._reads.coin(sold), self._reads.coin(bought)
        return self._act(actions.Exchange(*pair, amount_of(amount, self.quote, pair[0])), modifiers)

    def rebalance(
        self,
        weights: Mapping[str, object],
        band: object,
        way: str = "to",
        inclusive: bool = False,
        alone: bool = False,
        **modifiers: object,
    ) -> Action | None:
        """Trade the coin that is farthest from its weight once it is off by more than `band`, both in percent. `way` is
        "to", "half" or "edge"; `inclusive`: off by exactly the band counts; `alone`: of the coins named alone."""
        shares = percents(weights, self._reads.symbol)
        action = actions.Rebalance(shares, number(band, "band") / 100, bool(inclusive), way_of(way), bool(alone))
        return self._act(action, modifiers)

    def cut(self, coins: str, to: object, **modifiers: object) -> Action | None:
        """Sell the first held of these coins until together they are at most `to` percent of everything held."""
        return self._act(actions.Trim(self._reads.coins(coins), number(to, "to") / 100), modifiers)

    def arbitrage(self, coin: str, amount: object, profit: object, **modifiers: object) -> Action | None:
        """A round trip over two venues with so many quote tokens, or "50%" or "all" of them, for at least `profit`
        quote tokens, or "1%" of the amount."""
        symbol = self._reads.symbol(coin)
        spent, least = share_of(amount, self.quote), share_of(profit, self.quote)
        return self._act(actions.Arbitrage(symbol, spent, least), modifiers)

    def wait(self, **modifiers: object) -> Action | None:
        """Do nothing, and try no later action."""
        return self._act(actions.Wait(), modifiers)

    def end(self) -> Action | None:
        """The program is over: hold, if nothing was traded."""
        if self._run.traded:
            return None
        return HoldAction(printable("; ".join(self._run.reasons) or NO_TRADE, MAX_WHY))

    # ------------------------------------------------------------ limits of all actions

    def limits(
        self,
        keep: object = None,
        max_trade: object = None,
        min_trade: object = None,
        max_day: object = None,
        max_share: Mapping[str, object] | None = None,
    ) -> None:
        """Limits of all later actions: quote tokens that are kept, the largest and smallest trade, the most that is
        bought in a UTC day, and the largest share of each coin in percent."""
        given = {"reserve": keep, "max_trade": max_trade, "min_trade": min_trade, "max_day": max_day}
        self._run.limits = {name: number(value, name) for name, value in given.items() if value is not None}
        self._run.limits["max_shares"] = percents(max_share or {}, self._reads.symbol)

    def only(self, condition: object) -> None:
        """End the program without a trade unless the condition holds."""
        if condition is not True:
            self._stop("the condition of all trades does not hold")

    # ------------------------------------------------------------ how an action is tried

    def _act(self, action: actions.Action, modifiers: Mapping[str, object]) -> Action | None:
        if self._run.ended:
            return None
        index, judged, clause = clause_of(action, modifiers)
        try:
            found = self._tried(index, clause, judged)
        except Unknown as error:
            self._run.unknown = True
            self._run.reasons.append(str(error))
        except NoTrade as error:
            self._run.reasons.append(str(error))
        else:
            if found is None:
                self._stop("wait")
                return None
            self._run.ended = self._run.traded = True
            return self.make(found)
        return None

    def _tried(self, index: int, clause: Clause, judged: Judged) -> Trade | None:
        """None to wait. Raises NoTrade and Unknown as the player does."""
        order = Order(self.quote, (clause,), **self._run.limits)
        reason_to_act(index, clause, self.at, lambda: judged)
        if isinstance(clause.action, actions.Wait):
            return None
        found = trade(clause, done(index, self.at), order, self.at)
        if self._run.unknown and found.side is not Side.SELL:
            raise NoTrade("an action before this one cannot be judged")
        return found

    def _stop(self, why: str) -> None:
        self._run.ended = True
        self._run.reasons.append(why)

    # ------------------------------------------------------------ the sandbox's interface

    @functools.cached_property
    def _reads(self) -> OrderReads:
        return OrderReads(self.at, self.quote, self.known)

    @functools.cached_property
    def reads(self) -> Mapping[str, Callable[..., object]]:
        tools = (*self._reads.market, *self._reads.others, self.limits, self.only)
        return {tool.__name__: _exact(tool) for tool in tools}

    @functools.cached_property
    def finals(self) -> Mapping[str, Callable[..., Action | None]]:
        return {tool.__name__: _exact(tool) for tool in (*self.acting, self.wait, self.end)}

    @property
    def acting(self) -> tuple[Callable[..., Action | None], ...]:
        """The tools that can trade: each reads prices and holdings at the block."""
        return self.buy, self.sell, self.exchange, self.rebalance, self.cut, self.arbitrage

    @functools.cached_property
    def fresh(self) -> frozenset[str]:
        return frozenset(tool.__name__ for tool in (*self._reads.market, *self.acting))


def _exact(tool: Callable[..., Any]) -> Callable[..., Any]:
    """`tool` with the player's precision, and CodeFault for what the language does not allow."""
    checked = checked_tool(tool)

    @functools.wraps(tool)
    def call(*args: object, **kwargs: object) -> object:
        try:
            with localcontext() as context:
                context.prec = PRECISION
                return checked(*args, **kwargs)
        except ValueError as error:
            raise CodeFault(f"{tool.__name__}: {error}") from error

    return call
