"""Reads conditions and expressions of a reading."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from sentinel.orders.language.phrases import SYMBOL, Phrases
from sentinel.orders.language.words import NUMBER as NUMBER_TEXT
from sentinel.orders.language.words import UNITS
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Either, Judgement, Not, Op, Streak
from sentinel.orders.typed.expressions import (
    GWEI,
    NUMBER,
    QUOTE,
    RATIO,
    SECONDS,
    Change,
    Coin,
    Constant,
    Difference,
    Entry,
    Expression,
    Fact,
    High,
    Holding,
    Kind,
    Price,
    PriceAgo,
    PriceWhenSet,
    Profit,
    Scaled,
    Statistic,
    Sum,
    Unit,
    Value,
    Weight,
    Window,
)

_OF_COIN: dict[str, Callable[[Coin], Expression]] = {
    "the entry price of": Entry,
    "the high since entry of": High,
    "the profit on": Profit,
    "the value of": Value,
}


class ConditionParser(Phrases):
    def condition(self) -> Condition:
        first = self._single()
        for word, joined in (("and", All), ("or", Either)):
            if self.sees(word):
                of = [first]
                while self.take(word):
                    of.append(self._single())
                return joined(tuple(of))
        return first

    def _single(self) -> Condition:
        if self.take("not ("):
            return Not(self._until_closed())
        if self.take("("):
            return self._until_closed()
        if self.take("it is judged that"):
            return Judgement(self.quoted())
        if self.take("the last"):
            closes, bar = self.whole(), self.each()
            self.expect("closes of")
            coin = self.coin()
            self.expect("are")
            op = self._op()
            return ClosesBeyond(coin, closes, bar, op, self.expression())
        if re.fullmatch(r"\d+-[a-z]+", self.peek(1)):
            closes, bar = self.whole(), self.each()
            self.expect("closes of")
            coin = self.coin()
            rising = self.take("rise")
            if not rising:
                self.expect("fall")
            self.expect("in a row")
            return Streak(coin, closes, bar, rising)
        left = self.expression()
        self.expect("is")
        op = self._op()
        return Compare(left, op, self.expression())

    def _until_closed(self) -> Condition:
        self.nested()
        condition = self.condition()
        self.expect(")")
        self._depth -= 1
        return condition

    def _op(self) -> Op:
        for op in Op:
            if self.take(op.value):
                return op
        self.fail(f"one of these is expected: {', '.join(Op)}")

    # ------------------------------------------------------------ expressions

    def expression(self) -> Expression:
        self.nested()
        found = self._expression()
        self._depth -= 1
        return found

    def _expression(self) -> Expression:
        for fact in Fact:
            if self.take(fact.value):
                return fact
        for phrase, kind in _OF_COIN.items():
            if self.take(phrase):
                return kind(self.coin())
        for phrase, join in (("the sum of", Sum), ("the difference of", Difference)):
            if self.take(phrase):
                left = self.expression()
                self.expect("and")
                return join(left, self.expression())
        for statistic in Statistic:
            if self.take(f"the {statistic} of"):
                return self._window(statistic)
        if self.take("the price of"):
            return self._price(self.coin())
        if self.take("the change of"):
            coin = self.coin()
            self.expect("over")
            return Change(coin, self.duration())
        if self.take("the weight of"):
            coins = self.symbols()
            return Weight(coins, self.symbols() if self.take("among") else ())
        if self.take("the holding of"):
            return Holding(self.symbol())
        return self._constant()

    def _window(self, statistic: Statistic) -> Window:
        bars, earlier = self.whole(), self.take("earlier")
        bar = self.each()
        self.expect("closes of")
        return Window(statistic, self.coin(), bars, bar, earlier)

    def _price(self, coin: Coin) -> Expression:
        if self.take("when the order was set"):
            return PriceWhenSet(coin)
        if re.fullmatch(NUMBER_TEXT, self.peek()):
            ago = self.duration()
            self.expect("ago")
            return PriceAgo(coin, ago)
        return Price(coin)

    def _constant(self) -> Expression:
        if self.peek().endswith("%"):
            share = self.share()
            return Scaled(share, self.expression()) if self.take("of") else Constant(share, RATIO)
        unit = self.peek(1)
        if unit.lower().removesuffix("s") in UNITS:
            return Constant(Decimal(self.duration()), SECONDS)
        value = self.number()
        if self.take("gwei"):
            return Constant(value, GWEI)
        if self.take(self.quote):
            return Constant(value, QUOTE)
        if re.fullmatch(SYMBOL, unit) and unit not in _AFTER:
            return Constant(value, Unit(Kind.COINS, self.symbol()))
        return Constant(value, NUMBER)


_AFTER = ("and", "or", "is", "are")  # words that follow a bare number
