"""The tools of a code action: pure reads of one market state, and the final actions.

Amounts are in whole tokens, and numbers are rounded so that the code prints short lines. Amounts that can be spent are
rounded down. The tools raise CodeFault for wrong arguments, and pass on the QuoteError and ActionFault of quoter and
builder. The code sees all of them as ValueError.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.indicator_tools import IndicatorTools
from sentinel.agent.memory_interface import EMPTY_MEMORY, MAX_ITEMS, Recollection
from sentinel.agent.tool_arguments import (
    checked_tool,
    parse_amount,
    parse_bps,
    parse_count,
    parse_label,
    parse_labels,
    rounded,
    rounded_down,
    shown,
)
from sentinel.core import valuation
from sentinel.core.actions import Action
from sentinel.core.errors import CodeFault
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.units import BPS, GWEI_DECIMALS
from sentinel.core.untrusted_text import one_line

SHAVE = Decimal("1e-12")  # relative; more than a float's rounding error, and too little to matter
NEVER = 10**12  # seconds, about 32,000 years: the answer of `last_trade` before the first trade


@dataclass(frozen=True)  # without slots: cached_property needs a dict
class Toolbox:
    """The tools at one block. Each public method is a tool: the code writes its name and parameters."""

    state: MarketState
    view: MarketView
    network: Network
    quoter: Quoter
    builder: Builder
    memory: Recollection = EMPTY_MEMORY
    base: Symbol = ""  # the strategy's token, the default of `similar`

    # ------------------------------------------------------------ reads

    def balance(self, token: Symbol) -> float:
        """Whole tokens in the wallet, rounded down."""
        symbol = self._token(token)
        return rounded_down(
            Decimal(self.state.balances.get(symbol, 0)).scaleb(-valuation.decimals(symbol, self.network))
        )

    def worth(self, token: Symbol) -> float:
        """The balance in quote tokens; divided by `prices(token, 1)[-1]` it never exceeds the balance."""
        balance, symbol = Decimal(repr(self.balance(token))), self._token(token)
        if symbol == self.network.quote:
            return float(balance)
        return rounded_down(balance * Decimal(repr(self._price(symbol))) * (1 - SHAVE))

    def equity(self, token: Symbol = "") -> float:
        """All balances that have a price, gas coin aside, counted in `token` (the quote token if not named)."""
        counted_in = self._token(token or self.network.quote)
        return rounded(self._total() / self._price(counted_in), 8)

    def weight(self, token: Symbol) -> float:
        """The token's share of equity, 0 to 1."""
        symbol, total = self._token(token), self._total()
        return round(self._value(symbol) / total, 6) if total else 0.0

    def target(self, token: Symbol) -> float:
        """The share that the analyst wants it to be, 0 to 1."""
        return self.view.target_weights.get(self._token(token), 0) / BPS

    def prices(self, token: Symbol, bars: int = 1) -> list[float]:
        """Closes of the last `bars` blocks in quote tokens, oldest first; fewer where fewer are known."""
        symbol = self._token(token)
        known = self.state.history.get(symbol, ())[-parse_count(bars, "bars") :] or (self._price(symbol),)
        return [rounded(price, 7) for price in known]

    def venues(self, a: Symbol, b: Symbol) -> list[str]:
        """The labels of the pools that trade the two."""
        return [*self.quoter.venues(self.state, *self._pair(a, b))]

    def quote(self, a: Symbol, b: Symbol, amount: float, venue: str) -> float:
        """What `amount` of `a` gives in `b` at `venue`, fee taken."""
        return rounded(self.quoter.quote(self.state, *self._pair(a, b), parse_amount(amount), parse_label(venue)), 8)

    def best_venue(self, a: Symbol, b: Symbol, amount: float) -> str:
        """The venue that gives the most `b` for `amount` of `a`."""
        return self.quoter.best_venue(self.state, *self._pair(a, b), parse_amount(amount))

    def best_cycle(self, token: Symbol, via: Symbol, max_amount: float) -> dict[str, float | str]:
        """The most profitable token -> via -> token over two venues, within the balance; amount and profit are 0 where
        none pays."""
        pair, max_input = self._pair(token, via), min(parse_amount(max_amount), self.balance(token))
        best = self.quoter.best_cycle(self.state, *pair, max_input) if max_input else None
        if best is None:
            return {"amount": 0.0, "profit": 0.0, "buy": "", "sell": ""}
        amount = rounded_down(Decimal(repr(best.amount)))
        return {"amount": amount, "profit": rounded(best.profit, 6), "buy": best.buy, "sell": best.sell}

    def best_split(self, a: Symbol, b: Symbol, amount: float) -> list[str]:
        """The venues that give the most `b` for `amount` of `a` when it is shared over them; for `swap`."""
        return [*self.quoter.best_split(self.state, *self._pair(a, b), parse_amount(amount))]

    def best_route(self, a: Symbol, b: Symbol, amount: float) -> dict[str, float | list[str]]:
        """The best way from `a` to `b`, direct or over one token between: tokens and venues for `route`, and out."""
        best = self.quoter.best_route(self.state, *self._pair(a, b), parse_amount(amount))
        return {"tokens": [*best.tokens], "venues": [*best.venues], "out": rounded(best.out, 8)}

    def depth(self, a: Symbol, b: Symbol, venue: str, bps: float) -> float:
        """How much `a` can be sold at `venue` until its next unit brings `bps` less `b` than the first one did."""
        depth = self.quoter.depth(self.state, *self._pair(a, b), parse_label(venue), parse_bps(bps))
        return rounded_down(Decimal(repr(depth)))

    def impact(self, a: Symbol, b: Symbol, amount: float, venue: str) -> float:
        """By how many bps the average price of `amount` is below the venue's mid price, its fee counted."""
        return rounded(self.quoter.impact(self.state, *self._pair(a, b), parse_amount(amount), parse_label(venue)), 6)

    def gas_cost(self) -> float:
        """What the gas of a trade of one leg is expected to cost, in quote tokens."""
        return rounded(self.quoter.gas_cost(self.state), 6)

    def inventory(self) -> dict[str, float]:
        """Each token's share of equity, 0 to 1: `weight` of all of them."""
        return {symbol: self.weight(symbol) for symbol in sorted(self.network.tokens)}

    def similar(self, k: int = 3, token: Symbol = "") -> list[dict[str, float | str]]:
        """The past windows most like now: "return_after" (fraction), "distance", "age" (blocks since it ended)."""
        symbol = self._token(token or self.base or self.network.wrapped)
        return [dict(window) for window in self.memory.similar(symbol, parse_count(k, "k", MAX_ITEMS))]

    def recall(self, k: int = 3) -> list[dict[str, float | str]]:
        """Own confirmed trades, newest first: "age" (blocks), "token_in", "token_out", "amount" (whole token_in),
        "notional" and "pnl" (quote tokens, gas taken), "drift_bps", "votes" and "asked"."""
        return [dict(trade) for trade in self.memory.recall(parse_count(k, "k", MAX_ITEMS))]

    def best_loop(self, token: Symbol, max_amount: float) -> dict[str, float | list[str]]:
        """The most profitable closed route from `token` over two or three venues, within the balance, for `route`;
        amount and profit are 0 where none pays."""
        start, max_input = self._traded(token), min(parse_amount(max_amount), self.balance(token))
        best = self.quoter.best_loop(self.state, start, max_input) if max_input else None
        if best is None:
            return {"tokens": [], "venues": [], "amount": 0.0, "profit": 0.0}
        amount = rounded_down(Decimal(repr(best.amount)))
        return {
            "tokens": [*best.tokens],
            "venues": [*best.venues],
            "amount": amount,
            "profit": rounded(best.profit, 6),
        }

    def block(self) -> int:
        """The number of the block that everything here is read at."""
        return self.state.head.number

    def now(self) -> int:
        """The chain's time at this block, in Unix seconds."""
        return self.state.head.timestamp

    def last_trade(self) -> int:
        """Seconds of chain time since the wallet's last trade was decided, if it was confirmed or its outcome is
        unknown; 1000000000000 before the first."""
        decided = self.memory.last_trade()
        return NEVER if decided is None else max(0, self.now() - decided)

    def gas_price(self) -> float:
        """What a unit of gas costs at this block, in gwei: the base fee and the tip that inclusion costs."""
        wei = self.state.head.base_fee + self.state.priority_fee
        return rounded(wei / 10**GWEI_DECIMALS, 6)

    # ------------------------------------------------------------ final actions

    def swap(self, token_in: Symbol, token_out: Symbol, amount: float, venue: str | list[str]) -> Action:
        """Sell `amount` at the venue; a list of venues shares the amount over them."""
        labels = parse_labels(venue) if isinstance(venue, list | tuple) else parse_label(venue)
        return self.builder.swap(self.state, *self._pair(token_in, token_out), parse_amount(amount), labels)

    def route(self, tokens: list[Symbol], amount: float, venues: list[str]) -> Action:
        """One venue a hop; a closed cycle where the last token is the first; the gas coin first by "wrap", last by
        "unwrap"."""
        if not isinstance(tokens, list | tuple) or not 2 <= len(tokens) <= 8:
            raise CodeFault("tokens is a list of at least two")
        path = [self._token(tokens[0]), *map(self._traded, tokens[1:-1]), self._token(tokens[-1])]
        return self.builder.route(self.state, path, parse_amount(amount), parse_labels(venues))

    def cycle(self, token: Symbol, via: Symbol, amount: float, buy_venue: str, sell_venue: str) -> Action:
        """token -> via at the first venue and back at the second; it must gain after gas."""
        pair, amount = self._pair(token, via), parse_amount(amount)
        return self.builder.cycle(self.state, *pair, amount, parse_label(buy_venue), parse_label(sell_venue))

    def approve(self, token: Symbol, amount: float) -> Action:
        """Let Permit2 take at most `amount`; 0 revokes."""
        return self.builder.approve(self.state, self._traded(token), 0.0 if amount == 0 else parse_amount(amount))

    def hold(self, reason: str = "") -> Action:
        """Do nothing in this block."""
        if not isinstance(reason, str):
            raise CodeFault("the reason is text")
        return self.builder.hold(one_line(reason, 80))

    # ------------------------------------------------------------ the sandbox's interface

    @functools.cached_property
    def reads(self) -> Mapping[str, Callable[..., object]]:
        read: list[Callable[..., object]] = [self.balance, self.worth, self.equity, self.weight, self.target]
        read += [self.prices, self.venues, self.quote, self.best_venue, self.best_cycle]
        read += [self.best_split, self.best_route, self.best_loop, self.block]
        read += [self.now, self.last_trade, self.gas_price]
        read += [self.depth, self.impact, self.gas_cost, self.inventory, self.similar, self.recall]
        read += IndicatorTools(self.prices).tools
        return {tool.__name__: checked_tool(tool) for tool in read}

    @functools.cached_property
    def finals(self) -> Mapping[str, Callable[..., Action]]:
        final: list[Callable[..., Action]] = [self.swap, self.cycle, self.route, self.approve, self.hold]
        return {tool.__name__: checked_tool(tool) for tool in final}

    @property
    def fresh(self) -> frozenset[str]:
        # These read the analyst's view, the network file, memory, the gas price or the block itself, not the market.
        return frozenset(self.reads) - {
            *("target", "venues", "similar", "recall", "last_trade", "gas_cost", "gas_price", "block", "now")
        }

    # ------------------------------------------------------------ arithmetic and arguments

    def _value(self, symbol: Symbol) -> float:
        balances = {symbol: self.state.balances.get(symbol, 0)} if symbol in self.network.tokens else {}
        return valuation.equity(balances, self.state.prices, self.network)

    def _total(self) -> float:
        return sum(self._value(symbol) for symbol in self.network.tokens)

    def _price(self, symbol: Symbol) -> float:
        price = self.state.prices.get(symbol, 0.0)
        if not (math.isfinite(price) and price > 0):
            raise CodeFault(f"no price of {symbol} is known")
        return rounded(price, 7)

    def _token(self, symbol: object) -> Symbol:
        if isinstance(symbol, str) and (symbol in self.network.tokens or symbol == NATIVE):
            return symbol
        raise CodeFault(f"unknown token {shown(symbol)}; known are {', '.join(sorted(self.network.tokens))}")

    def _traded(self, symbol: object) -> Symbol:
        if (known := self._token(symbol)) == NATIVE:
            raise CodeFault(f"{NATIVE} pays for gas; it is traded as {self.network.wrapped}")
        return known

    def _pair(self, a: object, b: object) -> tuple[Symbol, Symbol]:
        pair = self._traded(a), self._traded(b)
        if pair[0] == pair[1]:
            raise CodeFault("the two tokens are the same")
        return pair
