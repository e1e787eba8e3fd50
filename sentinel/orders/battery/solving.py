"""Change a made-up world until a condition holds, or until it is just short of holding."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext

from sentinel.core.network import Symbol
from sentinel.orders.battery.worlds import Driver, World
from sentinel.orders.playing.judging import judge
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.situation_values import Unknown, chosen, evaluate
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Either, Judgement, Not, Op, Streak
from sentinel.orders.typed.expressions import (
    Change,
    Coin,
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
    Sum,
    Value,
    Weight,
    Window,
    unit,
)

PRECISION = 50
STEP = Decimal("0.0005")  # how far beside a threshold a world is, as a share of it
_SMALL = {Kind.QUOTE: Decimal(1), Kind.COINS: Decimal("0.01"), Kind.GWEI: Decimal(1), Kind.RATIO: Decimal("0.01")}
_WHOLE = (Fact.SINCE_TRADE, Fact.SINCE_SET, Fact.TRADES)
_MOST_STEPS = 16
_PASSES = 4
_UP = (Op.ABOVE, Op.AT_LEAST)
Simple = Compare | Streak | ClosesBeyond


def holds(condition: Condition, world: World) -> bool | None:
    return judge(condition, world.situation(), world.quote).holds


def simple(condition: Condition | None) -> Iterator[Simple]:
    """The comparisons and rows that a condition is made of."""
    match condition:
        case None | Judgement():
            return
        case All(of) | Either(of):
            for one in of:
                yield from simple(one)
        case Not(of_one):
            yield from simple(of_one)
        case _:
            yield condition


# ------------------------------------------------------------ one comparison


def drivers(expression: Expression, at: Situation) -> Iterator[Driver]:
    """What can be set to change the value of an expression, the most natural first."""
    match expression:
        case Scaled(_, of):
            yield from drivers(of, at)
        case Sum(left, right) | Difference(left, right):
            yield from drivers(left, at)
            yield from drivers(right, at)
        case Window() | Fact() | Holding():
            yield expression
        case Price(coin) | PriceWhenSet(coin) | Entry(coin) | High(coin):
            yield type(expression)(_symbol(coin, at))
        case PriceAgo(coin, ago):
            yield PriceAgo(_symbol(coin, at), ago)
        case Change(coin, ago):
            yield from (Price(_symbol(coin, at)), PriceAgo(_symbol(coin, at), ago))
        case Profit(coin):
            symbol = _symbol(coin, at)
            yield from (Price(symbol), Entry(symbol), Holding(symbol))
        case Value(coin):
            symbol = _symbol(coin, at)
            yield from (Holding(symbol), Price(symbol))
        case Weight(coins):
            yield from (Holding(coin) for coin in coins)
        case _:
            pass


def _symbol(coin: Coin, at: Situation) -> Symbol:
    return chosen(coin, at)


def all_drivers(compare: Compare, world: World) -> list[Driver]:
    """Of both sides, each once; the quote token's price cannot be set."""
    at = world.situation()
    found: list[Driver] = []
    for side in (compare.left, compare.right):
        try:
            found += drivers(side, at)
        except Unknown:
            continue
    return [one for one in dict.fromkeys(found) if one != Price(world.quote)]


def beside(compare: Compare, world: World, driver: Driver, steps: int) -> World | None:
    """The world in which the left side is `steps` steps above the right one, reached by `driver` alone; None if not.

    A step is a small share of the threshold, or one second or trade.
    """
    with localcontext() as context:
        context.prec = PRECISION
        try:
            return _solved(compare, world, driver, steps)
        except (Unknown, ArithmeticError, ValueError, OverflowError):
            return None


def _solved(compare: Compare, world: World, driver: Driver, steps: int) -> World | None:
    def gap(value: Decimal) -> Decimal:
        at = world.having(driver, value).situation()
        right = evaluate(compare.right, at)
        return evaluate(compare.left, at) - right - steps * _step(compare, right)

    first = world.facts.get(driver, Decimal(0))
    second = first + (abs(first) / 100 or Decimal(1))
    if driver in _WHOLE:
        first, second = first.to_integral_value(), second.to_integral_value() + 1
    low, high = gap(first), gap(second)
    for _ in range(_MOST_STEPS):
        if not low.is_finite() or not high.is_finite():
            return None
        if low == 0 or high == low:
            break
        value = first - low * (second - first) / (high - low)
        value = value.to_integral_value() if driver in _WHOLE else value
        if value < 0 and not isinstance(driver, Window):
            value = first / 8  # a share falls ever more slowly
        if abs(value) > Decimal(10) ** 14:
            return None
        if value == first:
            break
        second, high = first, low
        first, low = value, gap(value)
    return _exact(compare, world, driver, first, steps)


def _exact(compare: Compare, world: World, driver: Driver, value: Decimal, steps: int) -> World | None:
    """Checked: on the wanted side, or equal for no steps."""
    if isinstance(driver, Price | PriceAgo | Entry | High | PriceWhenSet) and value <= 0:
        return None
    found = world.having(driver, value)
    sign = {-1: Op.BELOW, 1: Op.ABOVE}.get((steps > 0) - (steps < 0))
    if sign is not None:
        return found if holds(Compare(compare.left, sign, compare.right), found) else None
    equal = (Compare(compare.left, op, compare.right) for op in (Op.AT_MOST, Op.AT_LEAST))
    return found if all(holds(one, found) for one in equal) else None


def _step(compare: Compare, right: Decimal) -> Decimal:
    of = unit(compare.right)
    if of.kind is Kind.SECONDS or Fact.TRADES in (compare.left, compare.right):
        return Decimal(1)
    return STEP * max(abs(right), _SMALL.get(of.kind, Decimal(1)))


# ------------------------------------------------------------ whole conditions


def satisfied(condition: Condition, world: World, *, wanted: bool = True) -> World | None:
    """A world like this one in which the condition holds, or does not; None if none is found."""
    for attempt in range(_PASSES):
        if holds(condition, world) is wanted:
            return world
        changed = _changed(condition, world, wanted, attempt)
        if changed is None:
            return None
        world = changed
    return world if holds(condition, world) is wanted else None


def _changed(condition: Condition, world: World, wanted: bool, attempt: int) -> World | None:
    match condition:
        case Judgement(phrase):
            return world.answering({phrase: wanted})
        case Not(of_one):
            return _changed(of_one, world, not wanted, attempt)
        case All(of) | Either(of):
            if isinstance(condition, All) is wanted:  # each of them
                for one in of:
                    if holds(one, world) is not wanted:
                        world = _changed(one, world, wanted, attempt) or world
                return world
            tries = (_changed(one, world, wanted, attempt) for one in of)
            return next((one for one in tries if one is not None), None)
        case Compare(_, op):
            steps = 1 if (op in _UP) is wanted else -1
            known = all_drivers(condition, world)
            turned = known[attempt % len(known) :] + known[: attempt % len(known)] if known else []
            tries = (beside(condition, world, driver, steps) for driver in turned)
            return next((one for one in tries if one is not None), None)
        case Streak() | ClosesBeyond():
            return row(condition, world, complete=wanted)


def row(condition: Streak | ClosesBeyond, world: World, *, complete: bool, equal: bool = False) -> World | None:
    """Closes that are in a row, or of which the oldest breaks it; with `equal`, by being exactly at the level."""
    at = world.situation()
    try:
        coin = chosen(condition.coin, at)
        count = condition.closes if isinstance(condition, Streak) else condition.closes - 1
        if isinstance(condition, Streak):
            now, step = at.prices[coin], STEP if condition.rising else -STEP
        else:
            step = STEP if condition.op in _UP else -STEP
            now = evaluate(condition.level, at) * (1 + step)
            world = world.having(Price(coin), now)
    except (Unknown, KeyError):
        return None
    for back in range(1, count + 1):
        close = now * (1 - step * back) if isinstance(condition, Streak) else now
        world = world.having(PriceAgo(coin, back * condition.bar), close)
    if not complete:
        oldest = PriceAgo(coin, count * condition.bar)
        if isinstance(condition, Streak):
            wrong = now * (1 - step * (count - 1))
        else:
            wrong = now / (1 + step) * (1 if equal else 1 - step)
        world = world.having(oldest, wrong)
    return world
