"""What must stand in an operator's words for the conditions of an order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from sentinel.orders.grounding.said import Measure
from sentinel.orders.grounding.targets import (
    Need,
    Role,
    Ways,
    both,
    coins,
    count,
    default,
    in_measure,
    money,
    noted,
    ratio,
    seconds,
    term,
    weight,
)
from sentinel.orders.grounding.terms import Term
from sentinel.orders.language.words import duration, number, percent
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Either, Not, Op, Streak
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
    Kind,
    Largest,
    Price,
    PriceAgo,
    PriceWhenSet,
    Scaled,
    Statistic,
    Sum,
    Window,
)

MINUTE = 60
USUAL_BARS = (MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 1_440 * MINUTE)
RSI_CLOSES = 14


class ConditionNeeds:
    """`block_seconds`: of the network, in which operators count blocks."""

    def __init__(self, block_seconds: int) -> None:
        self._block = block_seconds

    def seconds(self, value: int) -> Ways:
        return seconds(value, self._block)

    def time(self, value: int) -> Ways:
        """A time that passes once, and no interval."""
        return seconds(value, self._block, single=True)

    def day(self) -> Ways:
        return *self.seconds(86_400), *term(Term.DAY)

    def coin(self, coin: Coin) -> Iterator[Need]:
        match coin:
            case Best(_, ago):
                yield Need("the best coin", term(Term.BEST))
                yield Need(f"over {duration(ago)}", self.time(ago))
            case Largest():
                yield Need("the largest coin", term(Term.LARGEST))
            case FirstHeld():
                yield Need("the first held", default("Coins are sold in the order in which they are named."))
            case _:
                pass

    def condition(self, condition: Condition) -> Iterator[Need]:
        match condition:
            case All(of) | Either(of):
                for one in of:
                    yield from self.condition(one)
            case Not(of_one):
                yield from (replace(need, op=None) for need in self.condition(of_one))
            case Streak(coin, closes, bar):
                yield from self.coin(coin)
                yield Need("closes in a row", term(Term.IN_A_ROW))
                yield Need(f"{closes} closes of {duration(bar)}", self._closes(closes, bar))
            case ClosesBeyond(coin, closes, bar, op, level):
                yield from self.coin(coin)
                yield Need("the newest closes", term(Term.IN_A_ROW))
                yield Need(f"{closes} closes of {duration(bar)}", self._closes(closes, bar))
                yield from self._expression(level, op)
            case Compare(Change() as left, op, Constant(value)):
                yield from self._expression(left, None)
                ways = ratio(value) if value else default("")
                yield Need(f"a change of {percent(abs(value))}", ways, Role.LEVEL, op)
            case Compare(left, op, right):
                yield from self._expression(left, None)
                of_price = isinstance(left, Price) and isinstance(right, Constant)
                yield from (replace(need, price=of_price) for need in self._expression(right, op))

    def _closes(self, number_of: int, bar: int) -> Ways:
        """Counted in bars, in blocks or by the whole time."""
        ways = both(count(number_of), self.seconds(bar))
        if bar in USUAL_BARS:
            ways = (*ways, *in_measure(Decimal(number_of * bar), Measure.SECONDS))
        if bar == self._block:
            ways = (*ways, *in_measure(Decimal(number_of), Measure.BLOCKS))
        if bar in (MINUTE, self._block):
            each = "minute" if bar == MINUTE else "block"
            ways = (*ways, *noted(count(number_of), f"A close is one a {each}."))
        return ways

    def _expression(self, expression: Expression, op: Op | None) -> Iterator[Need]:
        match expression:
            case Constant():
                yield self._constant(expression, op)
            case Scaled(factor, of):
                ways = (*ratio(factor - 1), *ratio(factor), *in_measure(abs(factor), Measure.COUNT))
                ways = (*ways, *term(Term.ROUND)) if factor in (2, Decimal("0.5")) else ways
                yield Need(f"{percent(factor)} of a price", ways, Role.LEVEL, op)
                yield from self._expression(of, None)
            case Sum(left, right) | Difference(left, right):
                yield from self._expression(left, op)
                yield from self._expression(right, op)
            case Window():
                yield from self.coin(expression.coin)
                yield from self._window(expression)
            case PriceAgo(coin, ago) | Change(coin, ago):
                yield from self.coin(coin)
                yield Need(f"{duration(ago)} ago", self.time(ago))
            case Entry(coin):
                yield from self.coin(coin)
                note = "A gain or a drop is measured from the average entry price."
                yield Need("the entry price", (*term(Term.ENTRY), *default(note)))
            case High(coin):
                yield from self.coin(coin)
                yield Need("the high since entry", term(Term.HIGH))
            case PriceWhenSet(coin):
                yield from self.coin(coin)
                yield Need("the price when set", default("A move is measured from the price at the order's approval."))
            case Fact.GAS_PRICE:
                yield Need("a gas price", term(Term.GAS))
            case Fact.BOUGHT_TODAY:
                yield Need("what is bought in a day", self.day())
            case _:
                pass

    def _window(self, window: Window) -> Iterator[Need]:
        terms = {Statistic.MEAN: Term.MEAN, Statistic.HIGHEST: Term.TOP, Statistic.LOWEST: Term.BOTTOM}
        yield Need(f"the {window.statistic}", term(terms.get(window.statistic, Term.RSI)))
        ways = self._closes(window.bars, window.bar)
        if window.statistic is Statistic.RSI and window.bars == RSI_CLOSES:
            ways = (*ways, *noted(self.seconds(window.bar), "An RSI counts 14 closes."))
            if window.bar == MINUTE:
                ways = (*ways, *default("An RSI counts 14 closes, one a minute."))
        yield Need(f"{window.bars} closes of {duration(window.bar)}", ways)

    def _constant(self, constant: Constant, op: Op | None) -> Need:
        value = abs(constant.value)
        match constant.unit.kind:
            case Kind.RATIO:
                what, ways = percent(value), weight(value)
            case Kind.SECONDS:
                what, ways = duration(int(value)), self.seconds(int(value))
            case Kind.GWEI:
                what, ways = f"{number(value)} gwei", in_measure(value, Measure.GWEI, Measure.BARE)
            case Kind.COINS:
                what, ways = f"{number(value)} {constant.unit.coin}", coins(value, constant.unit.coin)
            case Kind.NUMBER:
                what, ways = number(value), in_measure(value, Measure.COUNT, Measure.BARE)
            case Kind.QUOTE:
                what, ways = number(value), money(value)
        if constant.unit.kind is Kind.GWEI:  # words of gas say when not to trade as often as when
            return Need(what, ways)
        return Need(what, default("") if value == 0 else ways, Role.LEVEL, op)
