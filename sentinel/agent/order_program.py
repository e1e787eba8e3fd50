"""The teacher of orders: writes the program that does what the player of an order does, in every situation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from sentinel.orders.language.reading import coin_text
from sentinel.orders.language.words import duration, time
from sentinel.orders.typed.actions import (
    Action,
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
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Either, Judgement, Not, Op, Streak
from sentinel.orders.typed.expressions import (
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
    Value,
    Weight,
    Window,
)
from sentinel.orders.typed.order import Clause, Order

OPS = {Op.BELOW: "<", Op.AT_MOST: "<=", Op.ABOVE: ">", Op.AT_LEAST: ">="}
FACTS = {
    Fact.GAS_PRICE: "gas_price()",
    Fact.SINCE_TRADE: "since_trade()",
    Fact.SINCE_SET: "since_set()",
    Fact.TRADES: "trades()",
    Fact.BOUGHT_TODAY: "bought_today()",
}
STATISTICS = {
    Statistic.MEAN: "mean",
    Statistic.HIGHEST: "highest",
    Statistic.LOWEST: "lowest",
    Statistic.RSI: "rsi",
}
WAYS = {Way.TARGET: "to", Way.HALF: "half", Way.EDGE: "edge"}


def program(order: Order) -> str:
    """One line for the limits, one for the condition of all trades, and one for each clause."""
    lines = [*_limits(order)]
    if order.only_while is not None:
        lines.append(f"only({_condition(order.only_while)})")
    return "\n".join([*lines, *map(_clause, order.clauses)])


def _limits(order: Order) -> Iterator[str]:
    amounts = {
        "keep": order.reserve,
        "max_trade": order.max_trade,
        "min_trade": order.min_trade,
        "max_day": order.max_day,
    }
    given = [f"{name}={_number(amount)}" for name, amount in amounts.items() if amount is not None]
    if order.max_shares:
        given.append(f"max_share={_percents(order.max_shares)}")
    if given:
        yield f"limits({', '.join(given)})"


def _clause(clause: Clause) -> str:
    action = called(clause.action, [*_modifiers(clause)])
    return action if clause.when is None else f"if {_condition(clause.when)}: {action}"


def _modifiers(clause: Clause) -> Iterator[str]:
    if clause.slices is not None:
        yield f"parts={clause.slices.parts}"
        yield f"over={_seconds(clause.slices.span)}"
    if clause.every is not None:
        yield f"every={_seconds(clause.every)}"
    if clause.times is not None:
        yield f"times={clause.times}"
    if clause.rearm:
        yield "rearm=True"
    if clause.until is not None:
        yield f'until="{time(clause.until).removesuffix(" UTC")}"'
    if clause.lasting is not None:
        yield f"lasting={_seconds(clause.lasting)}"


def called(action: Action, modifiers: Sequence[str] = ()) -> str:
    """The call of an action's tool, with the modifiers of its clause."""
    name, arguments = _called(action)
    return f"{name}({', '.join([*arguments, *modifiers])})"


def _called(action: Action) -> tuple[str, list[str]]:
    match action:
        case Buy(coin, amount):
            return "buy", [_coin(coin), _amount(amount, coin)]
        case Sell(coin, amount):
            return "sell", [_coin(coin), _amount(amount, coin)]
        case Exchange(sold, bought, amount):
            return "exchange", [_coin(sold), _coin(bought), _amount(amount, sold)]
        case Rebalance(weights, band, inclusive, way, alone):
            options = [f'way="{WAYS[way]}"'] if way is not Way.TARGET else []
            options += ["inclusive=True"] if inclusive else []
            options += ["alone=True"] if alone else []
            return "rebalance", [_percents(weights), _number(band * 100), *options]
        case Trim(coins, share):
            return "cut", [f'"{"/".join(coins)}"', _number(share * 100)]
        case Arbitrage(coin, amount, profit):
            return "arbitrage", [_coin(coin), _amount(amount, coin), _amount(profit, coin)]
        case Wait():
            return "wait", []


def _amount(amount: Amount, coin: Coin) -> str:
    match amount:
        case Worth(quote):
            return _number(quote)
        case Coins(count):
            return f'"{_number(count)} {coin}"'
        case Share(fraction):
            return '"all"' if fraction == 1 else f'"{_number(fraction * 100)}%"'


def _percents(weights: tuple[tuple[str, Decimal], ...]) -> str:
    return "{" + ", ".join(f'"{coin}": {_number(weight * 100)}' for coin, weight in weights) + "}"


# ------------------------------------------------------------ conditions and expressions


def _condition(condition: Condition, *, inside: bool = False) -> str:
    """`inside`: of another condition, where a compound one needs its parentheses."""
    match condition:
        case Compare(left, op, right):
            return f"{_expression(left)} {OPS[op]} {_expression(right)}"
        case Streak(coin, closes, bar, rising):
            return f"{'rising' if rising else 'falling'}({_coin(coin)}, {closes}, {_seconds(bar)})"
        case ClosesBeyond(coin, closes, bar, op, level):
            farthest = Statistic.HIGHEST if op in (Op.BELOW, Op.AT_MOST) else Statistic.LOWEST
            return f"{_expression(Window(farthest, coin, closes, bar))} {OPS[op]} {_expression(level)}"
        case Judgement(phrase):
            return f'judge("{phrase}")'
        case Not(of_one):
            return f"not ({_condition(of_one)})"
        case All(of):
            text = " and ".join(_condition(one, inside=True) for one in of)
        case Either(of):
            text = " or ".join(_condition(one, inside=True) for one in of)
    return f"({text})" if inside else text


def _expression(expression: Expression) -> str:
    match expression:
        case Fact():
            return FACTS[expression]
        case Constant():
            return _constant(expression)
        case Scaled(factor, of):
            return f"pct({_number(factor * 100)}) * {_part(of)}"
        case Sum(left, right):
            return f"{_expression(left)} + {_part(right)}"
        case Difference(left, right):
            return f"{_expression(left)} - {_part(right)}"
        case Weight(coins, among):
            rest = f', among="{"/".join(among)}"' if among else ""
            return f'weight("{"/".join(coins)}"{rest})'
        case Window(statistic, coin, bars, bar, earlier):
            rest = ", earlier=True" if earlier else ""
            return f"{STATISTICS[statistic]}({_coin(coin)}, {bars}, {_seconds(bar)}{rest})"
        case PriceAgo(coin, ago):
            return f"price_ago({_coin(coin)}, {_seconds(ago)})"
        case Change(coin, ago):
            return f"change({_coin(coin)}, {_seconds(ago)})"
        case Price(coin):
            return f"price({_coin(coin)})"
        case PriceWhenSet(coin):
            return f"price_when_set({_coin(coin)})"
        case Entry(coin):
            return f"entry({_coin(coin)})"
        case High(coin):
            return f"high({_coin(coin)})"
        case Profit(coin):
            return f"profit({_coin(coin)})"
        case Holding(coin):
            return f"holding({_coin(coin)})"
        case Value(coin):
            return f"value({_coin(coin)})"


def _part(expression: Expression) -> str:
    """As an operand, in parentheses where Python would group it otherwise."""
    text = _expression(expression)
    return f"({text})" if isinstance(expression, Sum | Difference | Scaled) else text


def _constant(constant: Constant) -> str:
    match constant.unit.kind:
        case Kind.RATIO:
            return f"pct({_number(constant.value * 100)})"
        case Kind.SECONDS:
            return _seconds(int(constant.value))
        case _:
            return _number(constant.value)


def _coin(coin: Coin) -> str:
    return f'"{coin_text(coin)}"'


def _seconds(count: int) -> str:
    """5400 -> 'minutes(90)': the words of the reading, so that nothing is computed."""
    number, unit = duration(count).replace(",", "").split(" ")
    return f"{unit.removesuffix('s')}s({number})"


def _number(value: Decimal) -> str:
    """As in a reading, without commas."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
