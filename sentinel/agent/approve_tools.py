"""The one tool of a program that approves for an order. It is sized at the block, in the words of the order's sizes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal

from sentinel.agent.dex_interface import Builder
from sentinel.agent.order_amounts import amount_of
from sentinel.agent.tool_arguments import checked_tool, shown
from sentinel.core.actions import Action, HoldAction
from sentinel.core.errors import ActionFault, CodeFault
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol
from sentinel.orders.playing.observed import held, known_prices
from sentinel.orders.playing.spending import base_units
from sentinel.orders.typed.actions import Coins, Share, Worth

NOTHING = "the program approves nothing"
WIDE = Context(prec=100)  # digits, more than any balance has


@dataclass(frozen=True)  # without slots: cached_property needs a dict
class ApproveTools:
    """The tools of one run at one block."""

    state: MarketState
    network: Network
    builder: Builder
    token: Symbol  # the one that is lacking
    need: int  # base units that the allowance has to cover
    caps: Mapping[Symbol, int]  # base units that an allowance may be at most
    _made: list[Action] = field(default_factory=list, init=False, repr=False, compare=False)

    def anew(self) -> ApproveTools:
        """The same tools for another run."""
        return replace(self)

    def approve(self, token: str, amount: object) -> Action:
        """Allow Permit2 to take so many quote tokens' worth of a token, or "2 WETH", "50%" or "all" of what is held."""
        if token not in self.network.tokens:
            raise CodeFault(f"unknown token {shown(token)}")
        symbol = Symbol(token)
        if symbol != self.token:
            raise ActionFault(f"the order lacks no allowance of {symbol}")
        decimals = self.network.tokens[symbol].decimals
        units = min(base_units(self._whole(symbol, amount), decimals), self.caps.get(symbol, 0))
        if units < self.need:
            raise ActionFault("the allowance would not cover the order's trade")
        made = self.builder.approve(self.state, symbol, f"{Decimal(units).scaleb(-decimals, WIDE):f}")
        self._made.append(made)
        return made

    def end(self) -> Action | None:
        """The program is over: hold, if nothing was approved."""
        return None if self._made else HoldAction(NOTHING)

    def _whole(self, token: Symbol, amount: object) -> Decimal:
        """Whole tokens."""
        match amount_of(amount, self.network.quote, token):
            case Share(fraction):
                return WIDE.multiply(held(self.state, self.network).get(token, Decimal(0)), fraction)
            case Worth(worth) if token == self.network.quote:
                return worth
            case Worth(worth):
                if not (price := known_prices(self.state).get(token)):
                    raise ActionFault(f"the price of {token} is not known")
                return WIDE.divide(worth, price)
            case Coins(count):
                return count

    # ------------------------------------------------------------ the sandbox's interface

    @functools.cached_property
    def reads(self) -> Mapping[str, Callable[..., object]]:
        return {}

    @functools.cached_property
    def finals(self) -> Mapping[str, Callable[..., Action | None]]:
        return {"approve": checked_tool(self.approve), "end": checked_tool(self.end)}

    @functools.cached_property
    def fresh(self) -> frozenset[str]:
        return frozenset({"approve"})
