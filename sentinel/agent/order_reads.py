"""What an order's program can read: each value of the order language, exact, from the situation at one block.

Values are decimals in whole quote tokens, fractions, whole coins, gwei or seconds. What the situation does not say
raises Unknown. Wrong arguments raise CodeFault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from sentinel.agent.tool_arguments import shown
from sentinel.core.errors import CodeFault
from sentinel.core.network import Symbol
from sentinel.orders.language.phrases import Phrases, Unread
from sentinel.orders.playing.judging import judge
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.situation_values import Unknown, evaluate
from sentinel.orders.typed.checks import check_condition, closes_read
from sentinel.orders.typed.conditions import Compare, Op, Streak
from sentinel.orders.typed.expressions import (
    Change,
    Coin,
    Entry,
    Expression,
    Fact,
    High,
    Holding,
    Price,
    PriceAgo,
    PriceWhenSet,
    Profit,
    Statistic,
    Value,
    Weight,
    Window,
    named,
)
from sentinel.orders.typed.order import MAX_CLOSES

MAX_BITS = 128  # of a whole number that the code passes
T = TypeVar("T")
MAX_TEXT = 200  # characters of a coin, with its choice


@dataclass(frozen=True, slots=True)
class OrderReads:
    """Each public method is a tool, of one run. `coin` is a symbol, or a choice in the words of a reading, such as
    "the largest of WETH/WBTC"."""

    at: Situation
    quote: Symbol
    known: frozenset[Symbol]  # tokens of the network
    _read: set[Expression | Streak] = field(default_factory=set)

    def price(self, coin: str) -> Decimal:
        """Quote tokens per coin."""
        return self._value(Price(self.coin(coin)))

    def price_ago(self, coin: str, ago: object) -> Decimal:
        """The last close at or before `ago` seconds ago."""
        return self._value(PriceAgo(self.coin(coin), whole(ago, "ago")))

    def price_when_set(self, coin: str) -> Decimal:
        """The price when the order was approved."""
        return self._value(PriceWhenSet(self.coin(coin)))

    def change(self, coin: str, ago: object) -> Decimal:
        """The price over the price `ago` seconds ago, less 1: a fraction."""
        return self._value(Change(self.coin(coin), whole(ago, "ago")))

    def entry(self, coin: str) -> Decimal:
        """The average cost of the coins held."""
        return self._value(Entry(self.coin(coin)))

    def high(self, coin: str) -> Decimal:
        """The highest close since the position was opened, the price now included."""
        return self._value(High(self.coin(coin)))

    def profit(self, coin: str) -> Decimal:
        """What the holding is worth above its average cost, in quote tokens."""
        return self._value(Profit(self.coin(coin)))

    def mean(self, coin: str, bars: int, bar: object, earlier: bool = False) -> Decimal:
        """The mean of `bars` closes, `bar` seconds apart; the newest is now, or with `earlier` one bar ago."""
        return self._window(Statistic.MEAN, coin, bars, bar, earlier)

    def highest(self, coin: str, bars: int, bar: object, earlier: bool = False) -> Decimal:
        """The highest of `bars` closes, `bar` seconds apart, as in `mean`."""
        return self._window(Statistic.HIGHEST, coin, bars, bar, earlier)

    def lowest(self, coin: str, bars: int, bar: object, earlier: bool = False) -> Decimal:
        """The lowest of `bars` closes, `bar` seconds apart, as in `mean`."""
        return self._window(Statistic.LOWEST, coin, bars, bar, earlier)

    def rsi(self, coin: str, bars: int, bar: object, earlier: bool = False) -> Decimal:
        """Wilder's RSI of `bars` changes between closes `bar` seconds apart, 0 to 100."""
        return self._window(Statistic.RSI, coin, bars, bar, earlier)

    def rising(self, coin: str, closes: int, bar: object) -> bool:
        """Whether `closes` steps between closes `bar` seconds apart are all up, the price now included."""
        return self._streak(coin, closes, bar, rising=True)

    def falling(self, coin: str, closes: int, bar: object) -> bool:
        """Whether `closes` steps between closes `bar` seconds apart are all down, the price now included."""
        return self._streak(coin, closes, bar, rising=False)

    def judge(self, phrase: str) -> bool:
        """What the student answered at this block for this sample: yes, or no if it gave no clear answer. `phrase` is
        one of the order's judgements."""
        answer = self.at.judgements.get(phrase) if isinstance(phrase, str) else None
        if answer is None:
            raise CodeFault(f"the order has nothing judged like {shown(phrase)}")
        return answer

    def weight(self, coins: str, among: str = "") -> Decimal:
        """The share of "WETH" or "WETH/WBTC" in all that is held, or in the coins of `among`: 0 to 1."""
        return self._value(Weight(self.coins(coins), self.coins(among) if among else ()))

    def holding(self, coin: str) -> Decimal:
        """Whole coins held."""
        return self._value(Holding(self.symbol(coin)))

    def value(self, coin: str) -> Decimal:
        """What the holding is worth in quote tokens."""
        return self._value(Value(self.coin(coin)))

    def gas_price(self) -> Decimal:
        """What a unit of gas costs, base fee and tip, in gwei."""
        return self._value(Fact.GAS_PRICE)

    def since_trade(self) -> Decimal:
        """Seconds since the last trade of the order; infinite before the first."""
        return self._value(Fact.SINCE_TRADE)

    def since_set(self) -> Decimal:
        """Seconds since the order was approved."""
        return self._value(Fact.SINCE_SET)

    def trades(self) -> Decimal:
        """Confirmed trades of the order."""
        return self._value(Fact.TRADES)

    def bought_today(self) -> Decimal:
        """Quote tokens that the order has spent on buys since 00:00 UTC."""
        return self._value(Fact.BOUGHT_TODAY)

    # ------------------------------------------------------------ the tools' list, and arguments

    @property
    def market(self) -> tuple[Callable[..., object], ...]:
        """Those that look at the market or the wallet."""
        return (
            *(self.price, self.price_ago, self.change, self.entry, self.high, self.profit, self.mean, self.highest),
            *(self.lowest, self.rsi, self.rising, self.falling, self.judge, self.weight, self.holding, self.value),
        )

    @property
    def others(self) -> tuple[Callable[..., object], ...]:
        return self.price_when_set, self.gas_price, self.since_trade, self.since_set, self.trades, self.bought_today

    def coin(self, text: object) -> Coin:
        """Raises CodeFault unless these are coins of the network, named as in a reading."""
        coin = self._phrase(text, Phrases.coin)
        self._require_known(named(coin))
        return coin

    def coins(self, text: object) -> tuple[Symbol, ...]:
        """Of "WETH/WBTC". Raises CodeFault."""
        symbols = self._phrase(text, Phrases.symbols)
        self._require_known(symbols)
        return symbols

    def symbol(self, text: object) -> Symbol:
        """Raises CodeFault unless it is one coin of the network."""
        (symbol, *others) = self.coins(text)
        if others:
            raise CodeFault(f"one coin is expected, not {shown(text)}")
        return symbol

    def _phrase(self, text: object, read: Callable[[Phrases], T]) -> T:
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise CodeFault(f"a coin is expected, not {shown(text)}")
        phrases = Phrases(text, self.quote)
        try:
            found = read(phrases)
        except Unread as error:
            raise CodeFault(f"{shown(text)} is no coin: {error}") from error
        if not phrases.ended:
            raise CodeFault(f"{shown(text)} is no coin")
        return found

    def _require_known(self, symbols: tuple[Symbol, ...]) -> None:
        if unknown := [symbol for symbol in symbols if symbol not in self.known]:
            raise CodeFault(f"unknown token {shown(unknown[0])}; known are {', '.join(sorted(self.known))}")

    def _window(self, statistic: Statistic, coin: str, bars: object, bar: object, earlier: object) -> Decimal:
        if not isinstance(earlier, bool):
            raise CodeFault("earlier is True or False")
        return self._value(Window(statistic, self.coin(coin), whole(bars, "bars"), whole(bar, "bar"), earlier))

    def _streak(self, coin: str, closes: object, bar: object, *, rising: bool) -> bool:
        streak = Streak(self.coin(coin), whole(closes, "closes"), whole(bar, "bar"), rising)
        self._count(streak)
        check_condition(streak)
        judged = judge(streak, self.at, self.quote)
        if judged.holds is None:
            raise Unknown(judged.why)
        return judged.holds

    def _value(self, expression: Expression) -> Decimal:
        self._count(expression)
        check_condition(Compare(expression, Op.AT_LEAST, expression))
        return evaluate(expression, self.at)

    def _count(self, read: Expression | Streak) -> None:
        self._read.add(read)
        if closes_read(tuple(self._read)) > MAX_CLOSES:
            raise CodeFault(f"the program's windows read more than {MAX_CLOSES:,} closes")


def number(value: object, what: str) -> Decimal:
    """A finite number that the code passed. Raises CodeFault."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise CodeFault(f"{what} is a number, not {shown(value)}")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:  # its conversion would hold up the whole process
        raise CodeFault(f"{what} is a number below 10^15")
    found = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not found.is_finite():
        raise CodeFault(f"{what} is a finite number")
    return found


def whole(value: object, what: str) -> int:
    """Raises CodeFault unless it is a whole number of at most 15 digits."""
    found = number(value, what)
    if abs(found) >= 10**15 or found != int(found):
        raise CodeFault(f"{what} is a whole number")
    return int(found)
