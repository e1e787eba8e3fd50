"""A second player of orders, to compare with: exact fractions, plain loops, nothing shared with the first, no messages.

It is written from docs/orders.md and from what the types of an order say, so that the two agree only where both follow them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sentinel.orders.actions import (
    Amount,
    Arbitrage,
    Buy,
    Coins,
    Exchange,
    Rebalance,
    Sell,
    Share,
    Trim,
    Wait,
    Way,
    Worth,
)
from sentinel.orders.conditions import All, ClosesBeyond, Compare, Condition, Either, Not, Op, Streak
from sentinel.orders.expressions import (
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
from sentinel.orders.order import Clause, Order
from sentinel.orders.situation import Situation

Number = Fraction | float  # a float only for plus and minus infinity
DAYS_7_IN_CHANGES = 10  # times the bars of an RSI


class Unknown(Exception):
    """The situation does not say it."""


@dataclass(frozen=True, slots=True)
class Deal:
    """What is traded: whole tokens of `sold`."""

    side: str
    sold: str
    bought: str
    amount: Fraction
    clause: int = 0


class Reference:
    """One order at one block."""

    def __init__(self, order: Order, at: Situation) -> None:
        self.order, self.at = order, at

    def deal(self) -> Deal | None:
        if self.order.only_while is not None and self.truth(self.order.only_while) is not True:
            return None
        only_sales = False
        for index, clause in enumerate(self.order.clauses):
            if not self.may_act(index, clause):
                continue
            truth = True if clause.when is None else self.truth(clause.when)
            if truth is None:
                only_sales = True
            if truth is not True:
                continue
            if isinstance(clause.action, Wait):
                return None
            try:
                found = self.limited(index, clause)
            except Unknown:
                only_sales = True
                continue
            if found is not None and (found.side == "sell" or not only_sales):
                return found
        return None

    def turned_false(self) -> frozenset[int]:
        clauses = enumerate(self.order.clauses)
        return frozenset(i for i, one in clauses if one.when is not None and self.truth(one.when) is False)

    def completed(self) -> bool:
        return all(self.over(i, one) or isinstance(one.action, Wait) for i, one in enumerate(self.order.clauses))

    # ------------------------------------------------------------ when a clause acts

    def over(self, index: int, clause: Clause) -> bool:
        done = sum(1 for fill in self.at.fills if fill.clause == index)
        most = clause.times if clause.slices is None else clause.slices.parts
        return (
            (most is not None and done >= most)
            or (clause.until is not None and self.at.time > clause.until)
            or (clause.lasting is not None and self.at.time - self.at.set_at > clause.lasting)
        )

    def may_act(self, index: int, clause: Clause) -> bool:
        if self.over(index, clause):
            return False
        own = [fill.time for fill in self.at.fills if fill.clause == index]
        if not own:
            return True
        pause = Fraction(clause.every or 0)
        if clause.slices is not None:
            pause = Fraction(clause.slices.span, clause.slices.parts)
        return self.at.time - max(own) >= pause and (not clause.rearm or index in self.at.rearmed)

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
        try:
            if isinstance(condition, Compare):
                return compare(self.number(condition.left), condition.op, self.number(condition.right))
            closes = self.bars(self.pick(condition.coin), condition.closes, condition.bar, earlier=False)
            if isinstance(condition, ClosesBeyond):
                level = self.number(condition.level)
                return all(compare(close, condition.op, level) for close in closes)
            pairs = [(closes[i + 1], closes[i]) for i in range(len(closes) - 1)]  # (older, newer)
            return all(new > old if condition.rising else new < old for old, new in pairs)
        except Unknown:
            return None

    def bars(self, coin: str, count: int, bar: int, *, earlier: bool) -> list[Fraction]:
        """Newest first. Each bar has a close of its own."""
        first = 1 if earlier else 0
        found = []
        for back in range(first, first + count):
            found.append(self.price(coin) if back == 0 else self.past(coin, back * bar, oldest=bar))
        return found

    def past(self, coin: str, ago: int, oldest: int | None = None) -> Fraction:
        """The last close at or before `ago` seconds ago, less than `oldest` seconds older than that."""
        then, latest = self.at.time - ago, None
        series = self.at.closes.get(coin)
        if series is not None:
            for time, price in zip(series.times, series.prices, strict=True):
                if time <= then and (oldest is None or time > then - oldest):
                    latest = Fraction(str(price))
        if latest is None:
            raise Unknown
        return latest

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
                return ratio(self.value(*coins), self.value(*among) if among else self.total())
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
                return sum(closes, Fraction(0)) / len(closes)
            return max(closes) if of.statistic is Statistic.HIGHEST else min(closes)
        closes = self.bars(coin, of.bars * DAYS_7_IN_CHANGES + 1, of.bar, earlier=of.earlier)[::-1]
        changes = [closes[i + 1] - closes[i] for i in range(len(closes) - 1)]
        up = sum((max(one, Fraction(0)) for one in changes[: of.bars]), Fraction(0)) / of.bars
        down = sum((max(-one, Fraction(0)) for one in changes[: of.bars]), Fraction(0)) / of.bars
        for change in changes[of.bars :]:
            up = (up * (of.bars - 1) + max(change, Fraction(0))) / of.bars
            down = (down * (of.bars - 1) + max(-change, Fraction(0))) / of.bars
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
        return sum((self.held(one) * self.price(one) for one in coins if self.held(one)), Fraction(0))

    def total(self) -> Fraction:
        return self.value(*self.at.holdings)

    @staticmethod
    def known_decimal(value: Decimal | None) -> Fraction:
        if value is None:
            raise Unknown
        return Fraction(value)

    # ------------------------------------------------------------ trades

    def limited(self, index: int, clause: Clause) -> Deal | None:
        """The trade of a clause within the limits of the order; None if it is left out."""
        order, least_profit = self.order, Fraction(0)
        proposal = self.proposal(clause, sum(1 for fill in self.at.fills if fill.clause == index))
        if proposal is None:
            return None
        side, sold, bought, worth = proposal
        if order.max_trade is not None:
            worth = min(worth, Fraction(order.max_trade))
        if worth <= 0 or (order.min_trade is not None and worth < order.min_trade):
            return None
        if sold == order.quote and worth > self.spendable():
            return None
        if side == "buy" and order.max_day is not None and self.at.bought_today + worth > order.max_day:
            return None
        for coin, share in order.max_shares:
            if side != "arbitrage" and coin == bought and self.value(coin) + worth > Fraction(share) * self.total():
                return None
        if isinstance(clause.action, Arbitrage):
            profit = clause.action.profit
            least_profit = Fraction(profit.quote) if isinstance(profit, Worth) else Fraction(profit.fraction) * worth
            gap = self.at.gap(bought, Decimal(worth.numerator) / Decimal(worth.denominator))
            if gap is None or gap.profit < least_profit:
                return None
        return Deal(side, sold, bought, worth / self.price(sold), index)

    def proposal(self, clause: Clause, done: int) -> tuple[str, str, str, Fraction] | None:
        """(side, sold, bought, worth) before the limits."""
        quote, parts = self.order.quote, clause.slices.parts if clause.slices else 1
        match clause.action:
            case Buy(coin, amount):
                bought = self.pick(coin)
                return "buy", quote, bought, self.size(amount, self.spendable(), self.price(bought), parts, done)
            case Sell(coin, amount):
                return "sell", (sold := self.pick(coin)), quote, self.sale(sold, amount, parts, done)
            case Exchange(coin, other, amount):
                sold, bought = self.pick(coin), self.pick(other)
                if sold == bought:
                    return None
                self.price(bought)
                return "swap", sold, bought, self.sale(sold, amount, parts, done)
            case Arbitrage(coin, amount, _):
                return "arbitrage", quote, self.pick(coin), self.size(amount, self.spendable(), Fraction(1), 1, 0)
            case Trim(coins, share):
                excess = self.value(*coins) - Fraction(share) * self.total()
                sold = self.pick(FirstHeld(coins)) if excess > 0 else coins[0]
                return "sell", sold, quote, min(excess, self.value(sold))
            case Rebalance():
                return self.rebalanced(clause.action)
        raise AssertionError(clause.action)

    def sale(self, coin: str, amount: Amount, parts: int, done: int) -> Fraction:
        price, held = self.price(coin), self.held(coin)
        return min(held * price, self.size(amount, held * price, price, parts, done))

    def size(self, amount: Amount, have: Fraction, price: Fraction, parts: int, done: int) -> Fraction:
        """Of one part, in quote tokens. The parts of a share are equal if the earlier ones were carried out."""
        if isinstance(amount, Worth):
            return Fraction(amount.quote) / parts
        if isinstance(amount, Coins):
            return Fraction(amount.number) * price / parts
        share = Fraction(amount.fraction)
        return have * share / (parts - share * done)

    def spendable(self) -> Fraction:
        return max(Fraction(0), self.held(self.order.quote) - Fraction(self.order.reserve or 0))

    def rebalanced(self, action: Rebalance) -> tuple[str, str, str, Fraction] | None:
        quote = self.order.quote
        whole = self.value(*(coin for coin, _ in action.weights)) if action.alone else self.total()
        farthest, farthest_off, band = "", Fraction(-1), Fraction(action.band)
        goal = Fraction(0)
        for coin, weight in action.weights:
            off = ratio(self.value(coin), whole) - Fraction(weight)
            if coin != quote and abs(off) > farthest_off:
                farthest, farthest_off = coin, abs(off)
                left = {Way.TARGET: Fraction(0), Way.HALF: off / 2, Way.EDGE: band if off > 0 else -band}[action.way]
                goal = Fraction(weight) + left
        if farthest_off < band or (farthest_off == band and not action.inclusive):
            return None
        excess = self.value(farthest) - goal * whole
        if action.alone and quote not in [coin for coin, _ in action.weights]:
            if goal == 1:
                return None
            excess /= 1 - goal  # what is sold or bought changes the whole
        if excess > 0:
            return "sell", farthest, quote, excess
        return "buy", quote, farthest, -excess


def compare(left: Number, op: Op, right: Number) -> bool:
    if op is Op.BELOW:
        return left < right
    if op is Op.AT_MOST:
        return left <= right
    return left > right if op is Op.ABOVE else left >= right


def ratio(part: Fraction, whole: Fraction) -> Fraction:
    if whole == 0:
        raise Unknown
    return part / whole


def known(number: Number) -> Number:
    if number != number:  # infinity less infinity
        raise Unknown
    return number
