"""The one tool of a program that approves for an order. It is sized at the block, in the words of the order's sizes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal

from sentinel.agent.dex_interface import Builder
from sentinel.agent.order_amounts import amount_of
from sentinel.agent.tool_arguments import checked_tool, shown
from sentinel.core.actions import Action, HoldAction
from sentinel.core.errors import ActionFault, CodeFault
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol
from sentinel.orders.actions import Coins, Share, Worth
from sentinel.orders.observed import held, known_prices

NOTHING = "the program approves nothing"


@dataclass(frozen=True)  # without slots: cached_property needs a dict
class ApproveTools:
    """The tools of one run at one block."""

    state: MarketState
    network: Network
    builder: Builder
    caps: Mapping[Symbol, Decimal]  # whole tokens that an allowance may be at most
    _made: list[Action] = field(default_factory=list, init=False, repr=False, compare=False)

    def anew(self) -> ApproveTools:
        """The same tools for another run."""
        return replace(self)

    def approve(self, token: str, amount: object) -> Action:
        """Allow Permit2 to take so many quote tokens' worth of a token, or "2 WETH", "50%" or "all" of what is held."""
        if token not in self.network.tokens:
            raise CodeFault(f"unknown token {shown(token)}")
        symbol = Symbol(token)
        made = self.builder.approve(self.state, symbol, float(self._whole(symbol, amount)))
        self._made.append(made)
        return made

    def end(self) -> Action | None:
        """The program is over: hold, if nothing was approved."""
        return None if self._made else HoldAction(NOTHING)

    def _whole(self, token: Symbol, amount: object) -> Decimal:
        """Whole tokens, cut to the cap of the settings."""
        quote, decimals = self.network.quote, self.network.tokens[token].decimals
        match amount_of(amount, quote, token):
            case Share(fraction):
                found = held(self.state, self.network).get(token, Decimal(0)) * fraction
            case Worth(worth) if token == quote:
                found = worth
            case Worth(worth):
                if not (price := known_prices(self.state).get(token)):
                    raise ActionFault(f"the price of {token} is not known")
                found = worth / price
            case Coins(count):
                found = count
        return min(found, self.caps[token]).quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)

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
