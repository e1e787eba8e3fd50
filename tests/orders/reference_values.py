"""What an order reads from a situation, for the reference player: exact fractions, plain loops, no messages."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from sentinel.orders.playing.situation import Situation
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Either, Judgement, Not, Op
from sentinel.orders.typed.expressions import (
    Best,
    Change,
    Coin,
    Constant,
    Difference,
    Entry,
    Expression,
    Fact,
    FirstHeld,
    High,
    Holding,
    Largest,
    Price,
    PriceAgo,
    PriceWhenSet,
    Profit,
    Scaled,
    Statistic,
    Sum,
    Value,
    Weight,
    Window,
)
from sentinel.orders.typed.order import Order

Number = Fraction | float  # a float only for plus and minus infinity
NONE = Fraction(0)
LONGEST_GAP = 90  # seconds that a close may be older than its time
SMOOTHED = 10  # an RSI's changes, in its bars


class Unknown(Exception):
    """The situation does not say it."""


class Values:
    """What one order reads at one block."""

    def __init__(self, order: Order, at: Situation) -> None:
        self.order, self.at = order, at

    # ------------------------------------------------------------ conditions

    def truth(self, condition: Condition) -> bool | None:
        """None: unknown."""
        if isinstance(condition, Not):
            inner = self.truth(condition.of)
            return None if inner is None else not inner
        if isinstance(condition, All | Either):
            parts = [self.truth(one) for one in condition.of]
            decisive = isinstance(condition, Either)
            if decisive in parts:
                return decisive
            return None if None in parts else not decisive
        if isinstance(condition, Judgement):
            return self.at.judgements.get(condition.phrase)
        try:
            if isinstance(condition, Compare):
                return compare(self.number(condition.left), condition.op, self.number(condition.right))
            if isinstance(condition, ClosesBeyond):
                closes = self.bars(self.pick(condition.coin), condition.closes, condition.bar, earlier=False)
                level = self.number(condition.level)
                return all(compare(close, condition.op, level) for close in closes)
            closes = self.bars(self.pick(condition.coin), condition.closes + 1, condition.bar, earlier=False)
            pairs = [(closes[i + 1], closes[i]) for i in range(condition.closes)]  # (older, newer)
            return all(new > old if condition.rising else new < old for old, new in pairs)
        except Unknown:
            return None

    def bars(self, coin: str, count: int, bar: int, *, earlier: bool) -> list[Fraction]:
        """Newest first."""
        first = 1 if earlier else 0
        found = []
        for back in range(first, first + count):
            found.append(self.price(coin) if back == 0 else self.past(coin, back * bar, bar))
        return found

    def past(self, coin: str, ago: int, bar: int = 0) -> Fraction:
        """The last close at or before `ago` seconds ago, at most one and a half bars older, or 90 seconds."""
        then, oldest, latest = self.at.time - ago, max(LONGEST_GAP, Fraction(3 * bar, 2) // 1), None
        series = self.at.closes.get(coin)
        if series is not None:
            for time, price in zip(series.times, series.prices, strict=True):
                if time <= then <= time + oldest:
                    latest = price
        if latest is None:
            raise Unknown
        return Fraction(str(latest))

    # ------------------------------------------------------------ expressions

    def number(self, of: Expression) -> Number:
        match of:
            case Constant(value, _):
                return Fraction(value)
            case Scaled(factor, inner):
                return known(Fraction(factor) * self.number(inner))
            case Sum(left, right):
                return known(self.number(left) + self.number(right))
            case Difference(left, right):
                return known(self.number(left) - self.number(right))
            case Weight(coins, among):
                whole = self.value(*among) if among else self.total()
                return self.value(*coins) / whole if whole else NONE
            case Holding(coin):
                return self.held(coin)
            case Fact():
                return self.fact(of)
            case Window():
                return self.window(of)
            case _:
                return self.of_coin(of, self.pick(of.coin))

    def of_coin(self, of: Expression, coin: str) -> Fraction:
        match of:
            case Price():
                return self.price(coin)
            case PriceAgo(_, ago):
                return self.past(coin, ago)
            case PriceWhenSet():
                return self.known_decimal(self.at.set_prices.get(coin))
            case Change(_, ago):
                return self.price(coin) / self.past(coin, ago) - 1
            case Value():
                return self.value(coin)
        position = self.at.positions.get(coin)
        if position is None:
            raise Unknown
        if isinstance(of, High):
            return max(Fraction(position.high), self.price(coin))
        if isinstance(of, Profit):
            return self.held(coin) * (self.price(coin) - Fraction(position.entry))
        assert isinstance(of, Entry)
        return Fraction(position.entry)

    def fact(self, of: Fact) -> Number:
        if of is Fact.GAS_PRICE:
            return self.known_decimal(self.at.gas_price)
        if of is Fact.SINCE_SET:
            return Fraction(self.at.time - self.at.set_at)
        if of is Fact.TRADES:
            return Fraction(len(self.at.fills))
        if of is Fact.BOUGHT_TODAY:
            return Fraction(self.at.bought_today)
        return Fraction(self.at.time - max(one.time for one in self.at.fills)) if self.at.fills else math.inf

    def window(self, of: Window) -> Fraction:
        if of in self.at.stated:
            return Fraction(self.at.stated[of])
        coin = self.pick(of.coin)
        if of.statistic is not Statistic.RSI:
            closes = self.bars(coin, of.bars, of.bar, earlier=of.earlier)
            if of.statistic is Statistic.MEAN:
                return sum(closes, NONE) / len(closes)
            return max(closes) if of.statistic is Statistic.HIGHEST else min(closes)
        closes = self.bars(coin, of.bars * SMOOTHED + 1, of.bar, earlier=of.earlier)[::-1]
        changes = [closes[i + 1] - closes[i] for i in range(len(closes) - 1)]
        up = sum((max(one, NONE) for one in changes[: of.bars]), NONE) / of.bars
        down = sum((max(-one, NONE) for one in changes[: of.bars]), NONE) / of.bars
        for change in changes[of.bars :]:
            up = (up * (of.bars - 1) + max(change, NONE)) / of.bars
            down = (down * (of.bars - 1) + max(-change, NONE)) / of.bars
        return Fraction(50) if up == down == 0 else 100 * up / (up + down)

    def pick(self, coin: Coin) -> str:
        """Which coin it is now."""
        if isinstance(coin, str):
            return coin
        if isinstance(coin, FirstHeld):
            for one in coin.coins:
                if self.held(one) > 0:
                    return one
            raise Unknown
        if isinstance(coin, Largest):
            scores = [self.value(one) for one in coin.coins]
            if max(scores) == 0:
                raise Unknown
        else:
            assert isinstance(coin, Best)
            scores = [self.price(one) / self.past(one, coin.ago) for one in coin.coins]
        return coin.coins[scores.index(max(scores))]

    def price(self, coin: str) -> Fraction:
        return Fraction(1) if coin == self.order.quote else self.known_decimal(self.at.prices.get(coin))

    def held(self, coin: str) -> Fraction:
        return Fraction(self.at.holdings.get(coin, 0))

    def value(self, *coins: str) -> Fraction:
        return sum((self.held(one) * self.price(one) for one in coins if self.held(one)), NONE)

    def total(self) -> Fraction:
        return self.value(*self.at.holdings)

    @staticmethod
    def known_decimal(value: Decimal | None) -> Fraction:
        if value is None:
            raise Unknown
        return Fraction(value)


def compare(left: Number, op: Op, right: Number) -> bool:
    if op is Op.BELOW:
        return left < right
    if op is Op.AT_MOST:
        return left <= right
    return left > right if op is Op.ABOVE else left >= right


def known(number: Number) -> Number:
    if number != number:  # infinity less infinity
        raise Unknown
    return number
