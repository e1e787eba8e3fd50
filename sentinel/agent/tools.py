"""What a code action may call: pure reads of one market state, and the final actions.

Everything here is in whole tokens and plain numbers, rounded so that what the code prints stays short. Amounts that may
be spent are rounded down. Raises CodeFault for wrong arguments, QuoteError and ActionFault as the parts below do; the
code sees all of them as ValueError.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import ParamSpec, Protocol, TypeVar

from sentinel.agent.text import one_line
from sentinel.errors import CodeFault
from sentinel.types import BPS, NATIVE, Action, MarketState, MarketView, Network, Symbol

MAX_AMOUNT = 1e15  # whole tokens; more is nobody's
SHAVE = Decimal("1e-12")  # more than a float's rounding error, less than anyone's interest

P = ParamSpec("P")
R = TypeVar("R")


class Cycle(Protocol):
    """A closed cycle worth taking, in whole units of the token that it starts and ends with."""

    @property
    def amount(self) -> float: ...

    @property
    def profit(self) -> float:
        """After gas."""
        ...

    @property
    def buy(self) -> str: ...

    @property
    def sell(self) -> str: ...


class Way(Protocol):
    """A route: tokens from first to last, one venue label a hop, and whole units of the last token."""

    @property
    def tokens(self) -> Sequence[Symbol]: ...

    @property
    def venues(self) -> Sequence[str]: ...

    @property
    def out(self) -> float: ...


class Loop(Protocol):
    """A closed route worth taking: tokens from first to first again, a venue label a hop, whole units of the token."""

    @property
    def tokens(self) -> Sequence[Symbol]: ...

    @property
    def venues(self) -> Sequence[str]: ...

    @property
    def amount(self) -> float: ...

    @property
    def profit(self) -> float:
        """After gas."""
        ...


class Quoter(Protocol):
    """Exact quotes at one state; whole tokens, venues by label ("v2", "v3-500"). Raises QuoteError."""

    def venues(self, state: MarketState, token_in: Symbol, token_out: Symbol) -> Sequence[str]: ...

    def quote(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str) -> float: ...

    def best_venue(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> str: ...

    def best_cycle(self, state: MarketState, token: Symbol, via: Symbol, max_amount: float) -> Cycle | None: ...

    def best_loop(self, state: MarketState, token: Symbol, max_amount: float) -> Loop | None: ...

    def best_split(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> Sequence[str]: ...

    def best_route(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> Way: ...


class Builder(Protocol):
    """Final actions from allow-lists, with min_out and deadline of its own. Raises ActionFault or QuoteError."""

    def swap(
        self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str | list[str]
    ) -> Action: ...

    def route(self, state: MarketState, tokens: list[Symbol], amount: float, venues: list[str]) -> Action: ...

    def cycle(
        self, state: MarketState, token: Symbol, via: Symbol, amount: float, venue_in: str, venue_out: str
    ) -> Action: ...

    def approve(self, state: MarketState, token: Symbol, amount: float) -> Action: ...

    def hold(self, reason: str) -> Action: ...


@dataclass(frozen=True)  # without slots: cached_property needs a dict
class Toolbox:
    """The tools at one block. Its methods are the tools: their names and parameters are what the code writes."""

    state: MarketState
    view: MarketView
    network: Network
    quoter: Quoter
    builder: Builder

    # ------------------------------------------------------------ reads

    def balance(self, token: Symbol) -> float:
        """Whole tokens in the wallet, rounded down."""
        symbol = self._token(token)
        decimals = 18 if symbol == NATIVE else self.network.tokens[symbol].decimals
        return _down(Decimal(self.state.balances.get(symbol, 0)).scaleb(-decimals))

    def worth(self, token: Symbol) -> float:
        """The balance in quote tokens; divided by `prices(token, 1)[-1]` it never exceeds the balance."""
        balance, symbol = Decimal(repr(self.balance(token))), self._token(token)
        if symbol == self.network.quote:
            return float(balance)
        return _down(balance * Decimal(repr(self._price(symbol))) * (1 - SHAVE))

    def equity(self, token: Symbol = "") -> float:
        """All balances that have a price, gas coin aside, counted in `token` (the quote token if not named)."""
        counted_in = self._token(token or self.network.quote)
        return _round(self._total() / self._price(counted_in), 8)

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
        if isinstance(bars, bool) or not isinstance(bars, int) or bars < 1:
            raise CodeFault("bars is a whole number from 1")
        known = self.state.history.get(symbol, ())[-bars:] or (self._price(symbol),)
        return [_round(price, 7) for price in known]

    def venues(self, a: Symbol, b: Symbol) -> list[str]:
        return [*self.quoter.venues(self.state, *self._pair(a, b))]

    def quote(self, a: Symbol, b: Symbol, amount: float, venue: str) -> float:
        """What `amount` of `a` gives in `b` at `venue`, fee taken."""
        return _round(self.quoter.quote(self.state, *self._pair(a, b), _amount(amount), _label(venue)), 8)

    def best_venue(self, a: Symbol, b: Symbol, amount: float) -> str:
        """The venue that gives the most `b` for `amount` of `a`."""
        return self.quoter.best_venue(self.state, *self._pair(a, b), _amount(amount))

    def best_cycle(self, token: Symbol, via: Symbol, max_amount: float) -> dict[str, float | str]:
        """The most profitable token -> via -> token over two venues; amount and profit are 0 where none pays."""
        best = self.quoter.best_cycle(self.state, *self._pair(token, via), _amount(max_amount))
        if best is None:
            return {"amount": 0.0, "profit": 0.0, "buy": "", "sell": ""}
        amount = _down(Decimal(repr(best.amount)))
        return {"amount": amount, "profit": _round(best.profit, 6), "buy": best.buy, "sell": best.sell}

    def best_split(self, a: Symbol, b: Symbol, amount: float) -> list[str]:
        """The venues that give the most `b` for `amount` of `a` when it is shared over them; for `swap`."""
        return [*self.quoter.best_split(self.state, *self._pair(a, b), _amount(amount))]

    def best_route(self, a: Symbol, b: Symbol, amount: float) -> dict[str, float | list[str]]:
        """The best way from `a` to `b`, direct or over one token between: tokens and venues for `route`, and out."""
        best = self.quoter.best_route(self.state, *self._pair(a, b), _amount(amount))
        return {"tokens": [*best.tokens], "venues": [*best.venues], "out": _round(best.out, 8)}

    def best_loop(self, token: Symbol, max_amount: float) -> dict[str, float | list[str]]:
        """The most profitable closed route from `token` over two or three venues, for `route`; amount and profit are 0
        where none pays."""
        best = self.quoter.best_loop(self.state, self._traded(token), _amount(max_amount))
        if best is None:
            return {"tokens": [], "venues": [], "amount": 0.0, "profit": 0.0}
        amount = _down(Decimal(repr(best.amount)))
        return {
            "tokens": [*best.tokens],
            "venues": [*best.venues],
            "amount": amount,
            "profit": _round(best.profit, 6),
        }

    def block(self) -> int:
        """The number of the block that everything here is read at."""
        return self.state.head.number

    # ------------------------------------------------------------ final actions

    def swap(self, token_in: Symbol, token_out: Symbol, amount: float, venue: str | list[str]) -> Action:
        """A list of venues shares the amount over them."""
        where = _labels(venue) if isinstance(venue, list | tuple) else _label(venue)
        return self.builder.swap(self.state, *self._pair(token_in, token_out), _amount(amount), where)

    def route(self, tokens: list[Symbol], amount: float, venues: list[str]) -> Action:
        """One venue a hop; a closed cycle where the last token is the first; the gas coin first by "wrap", last by
        "unwrap"."""
        if not isinstance(tokens, list | tuple) or not 2 <= len(tokens) <= 8:
            raise CodeFault("tokens is a list of at least two")
        way = [self._token(tokens[0]), *map(self._traded, tokens[1:-1]), self._token(tokens[-1])]
        return self.builder.route(self.state, way, _amount(amount), _labels(venues))

    def cycle(self, token: Symbol, via: Symbol, amount: float, buy_venue: str, sell_venue: str) -> Action:
        pair, amount = self._pair(token, via), _amount(amount)
        return self.builder.cycle(self.state, *pair, amount, _label(buy_venue), _label(sell_venue))

    def approve(self, token: Symbol, amount: float) -> Action:
        """`amount` 0 revokes."""
        return self.builder.approve(self.state, self._traded(token), 0.0 if amount == 0 else _amount(amount))

    def hold(self, reason: str = "") -> Action:
        if not isinstance(reason, str):
            raise CodeFault("the reason is text")
        return self.builder.hold(one_line(reason, 80))

    # ------------------------------------------------------------ as the sandbox takes them

    @functools.cached_property
    def reads(self) -> Mapping[str, Callable[..., object]]:
        read: list[Callable[..., object]] = [self.balance, self.worth, self.equity, self.weight, self.target]
        read += [self.prices, self.venues, self.quote, self.best_venue, self.best_cycle]
        read += [self.best_split, self.best_route, self.best_loop, self.block]
        return {tool.__name__: _checked(tool) for tool in read}

    @functools.cached_property
    def finals(self) -> Mapping[str, Callable[..., Action]]:
        final: list[Callable[..., Action]] = [self.swap, self.cycle, self.route, self.approve, self.hold]
        return {tool.__name__: _checked(tool) for tool in final}

    @property
    def fresh(self) -> frozenset[str]:
        # `target` comes from the analyst, `venues` from the network file and `block` is a count: none is a look at the
        # market.
        return frozenset(self.reads) - {"target", "venues", "block"}

    # ------------------------------------------------------------ arithmetic and arguments

    def _value(self, symbol: Symbol) -> float:
        held, price = self.state.balances.get(symbol, 0), self.state.prices.get(symbol, 0.0)
        return held / 10 ** self.network.tokens[symbol].decimals * price if symbol in self.network.tokens else 0.0

    def _total(self) -> float:
        return sum(self._value(symbol) for symbol in self.network.tokens)

    def _price(self, symbol: Symbol) -> float:
        price = self.state.prices.get(symbol, 0.0)
        if not (math.isfinite(price) and price > 0):
            raise CodeFault(f"no price of {symbol} is known")
        return _round(price, 7)

    def _token(self, symbol: object) -> Symbol:
        if isinstance(symbol, str) and (symbol in self.network.tokens or symbol == NATIVE):
            return symbol
        raise CodeFault(f"unknown token {_shown(symbol)}; known are {', '.join(sorted(self.network.tokens))}")

    def _traded(self, symbol: object) -> Symbol:
        if (known := self._token(symbol)) == NATIVE:
            raise CodeFault(f"{NATIVE} pays for gas; it is traded as {self.network.wrapped}")
        return known

    def _pair(self, a: object, b: object) -> tuple[Symbol, Symbol]:
        pair = self._traded(a), self._traded(b)
        if pair[0] == pair[1]:
            raise CodeFault("the two tokens are the same")
        return pair


def _checked(tool: Callable[P, R]) -> Callable[P, R]:
    """Wrong arguments are the code's fault; a TypeError from inside a tool would be ours."""
    signature = inspect.signature(tool)

    @functools.wraps(tool)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise CodeFault(f"{tool.__name__}: {error}") from None
        return tool(*args, **kwargs)

    return call


def _amount(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CodeFault(f"an amount is a number, not {_shown(value)}")
    if not 0 < value <= MAX_AMOUNT:  # NaN compares false
        raise CodeFault("an amount is a finite number above 0")
    return float(value)


def _label(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 32:
        raise CodeFault(f"unknown venue {_shown(value)}")
    return one_line(value, 32)


def _labels(value: object) -> list[str]:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= 8:
        raise CodeFault("venues is a list of labels")
    return [_label(label) for label in value]


def _shown(value: object) -> str:
    return one_line(value, 32) if isinstance(value, str) else type(value).__name__


def _round(value: float, digits: int) -> float:
    """To `digits` significant digits. A tool never answers with an infinity or NaN."""
    if not math.isfinite(value):
        raise CodeFault("the answer is not a finite number")
    return float(f"{value:.{digits}g}")


def _down(value: Decimal, digits: int = 8) -> float:
    if value <= 0:
        return 0.0
    return float(value.quantize(Decimal((0, (1,), value.adjusted() - digits + 1)), ROUND_DOWN))
