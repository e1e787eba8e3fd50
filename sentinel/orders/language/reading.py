"""The reading of an order: plain English in a fixed form with exactly one meaning. `reading_parser` reads it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.orders.language.words import duration, each, number, percent, time
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
    Worth,
)
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Either, Judgement, Not, Streak
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
    Kind,
    Largest,
    Price,
    PriceAgo,
    PriceWhenSet,
    Profit,
    Scaled,
    Sum,
    Value,
    Weight,
    Window,
)
from sentinel.orders.typed.judgements import judged_text
from sentinel.orders.typed.order import Clause, Order


@dataclass(frozen=True, slots=True)
class Ask:
    """The order lacks something: nothing is traded until the operator has said it."""

    what: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The order cannot be carried out as a whole."""

    why: str


Reading = Order | Ask | Refuse


def render(reading: Reading) -> str:
    """The text of a reading. Equal readings have equal texts, different ones different texts."""
    match reading:
        case Ask(what):
            return f"Ask: {what}"
        case Refuse(why):
            return f"Refuse: {why}"
    return " ".join([*(clause_text(clause, reading.quote) for clause in reading.clauses), *_limits(reading)])


def _limits(order: Order) -> Iterator[str]:
    if order.only_while is not None:
        yield f"Only while {condition_text(order.only_while, order.quote)}."
    if order.reserve is not None:
        yield f"Keep {_worth(order.reserve, order.quote)}."
    if order.max_trade is not None:
        yield f"Trade at most {_worth(order.max_trade, order.quote)} at a time."
    if order.min_trade is not None:
        yield f"Trade at least {_worth(order.min_trade, order.quote)} at a time."
    if order.max_day is not None:
        yield f"Buy at most {_worth(order.max_day, order.quote)} a day."
    if order.max_cost is not None:
        yield f"Pay at most {percent(order.max_cost)} of a trade in costs."
    for coin, share in order.max_shares:
        yield f"Never hold more than {percent(share)} {coin}."


# ------------------------------------------------------------ clauses


def clause_text(clause: Clause, quote: Symbol) -> str:
    action = action_text(clause.action, quote)
    if clause.when is None:
        action = action[0].upper() + action[1:]
    else:
        action = f"If {condition_text(clause.when, quote)}, {action}"
    return ", ".join([action, *_modifiers(clause)]) + "."


def _modifiers(clause: Clause) -> Iterator[str]:
    if clause.slices is not None:
        yield f"in {clause.slices.parts:,} parts over {duration(clause.slices.span)}"
    if clause.every is not None:
        yield f"every {duration(clause.every)}"
    if clause.times is not None:
        yield "once" if clause.times == 1 else f"{clause.times:,} times"
    if clause.rearm:
        yield "each time this turns true"
    if clause.until is not None:
        yield f"until {time(clause.until)}"
    if clause.lasting is not None:
        yield f"for {duration(clause.lasting)}"


def action_text(action: Action, quote: Symbol) -> str:
    match action:
        case Buy(coin, Share() as share):
            return f"buy {coin_text(coin)} with {_share_of_quote(share, quote)}"
        case Buy(coin, amount):
            return f"buy {_amount(amount, coin, quote)}"
        case Sell(coin, amount):
            return f"sell {_amount(amount, coin, quote)}"
        case Exchange(sold, bought, amount):
            return f"swap {_amount(amount, sold, quote)} for {coin_text(bought)}"
        case Rebalance(weights, band, inclusive, way, alone):
            shares = " and ".join(f"{percent(weight)} {coin}" for coin, weight in weights)
            off = "at least" if inclusive else "more than"
            return f"rebalance {way} {shares}{' alone' if alone else ''} when off by {off} {percent(band)}"
        case Trim(coins, most):
            return f"cut {_list(coins)} to {percent(most)}"
        case Arbitrage(coin, amount, profit):
            spent = _worth(amount.quote, quote) if isinstance(amount, Worth) else _share_of_quote(amount, quote)
            least = percent(profit.fraction) if isinstance(profit, Share) else _worth(profit.quote, quote)
            return f"arbitrage {coin} with {spent} for at least {least}"
        case Wait():
            return "wait"


def _amount(amount: Amount, coin: Coin, quote: Symbol) -> str:
    match amount:
        case Worth(worth):
            return f"{_worth(worth, quote)} worth of {coin_text(coin)}"
        case Coins(count):
            return f"{number(count)} {coin_text(coin)}"
        case Share(fraction):
            return f"{_share(fraction)} of {coin_text(coin)}"


def _share(fraction: Decimal) -> str:
    return "all" if fraction == 1 else percent(fraction)


def _share_of_quote(share: Share, quote: Symbol) -> str:
    return f"{_share(share.fraction)} of the {quote}"


def _worth(amount: Decimal, quote: Symbol) -> str:
    return f"{number(amount)} {quote}"


# ------------------------------------------------------------ conditions and expressions


def condition_text(condition: Condition, quote: Symbol, *, inside: bool = False) -> str:
    """`inside`: of another condition, where a compound one needs its parentheses."""
    match condition:
        case Compare(left, op, right):
            return f"{expression_text(left, quote)} is {op} {expression_text(right, quote)}"
        case Streak(coin, closes, bar, rising):
            return f"{closes} {each(bar)} closes of {coin_text(coin)} {'rise' if rising else 'fall'} in a row"
        case ClosesBeyond(coin, closes, bar, op, level):
            closes_text = f"the last {closes} {each(bar)} closes of {coin_text(coin)}"
            return f"{closes_text} are {op} {expression_text(level, quote)}"
        case Judgement(phrase):
            return judged_text(phrase)
        case Not(of_one):
            return f"not ({condition_text(of_one, quote)})"
        case All(of):
            text = " and ".join(condition_text(one, quote, inside=True) for one in of)
        case Either(of):
            text = " or ".join(condition_text(one, quote, inside=True) for one in of)
    return f"({text})" if inside else text


def expression_text(expression: Expression, quote: Symbol) -> str:
    match expression:
        case Fact():
            return expression.value
        case Constant():
            return _constant(expression, quote)
        case Scaled(factor, of):
            return f"{percent(factor)} of {expression_text(of, quote)}"
        case Sum(left, right):
            return f"the sum of {expression_text(left, quote)} and {expression_text(right, quote)}"
        case Difference(left, right):
            return f"the difference of {expression_text(left, quote)} and {expression_text(right, quote)}"
        case Weight(coins, among):
            return f"the weight of {_list(coins)}" + (f" among {_list(among)}" if among else "")
        case Window(statistic, coin, bars, bar, earlier):
            closes = f"{bars}{' earlier' if earlier else ''} {each(bar)} closes"
            return f"the {statistic} of {closes} of {coin_text(coin)}"
        case Price(coin):
            return f"the price of {coin_text(coin)}"
        case PriceAgo(coin, ago):
            return f"the price of {coin_text(coin)} {duration(ago)} ago"
        case PriceWhenSet(coin):
            return f"the price of {coin_text(coin)} when the order was set"
        case Change(coin, ago):
            return f"the change of {coin_text(coin)} over {duration(ago)}"
        case Entry(coin):
            return f"the entry price of {coin_text(coin)}"
        case High(coin):
            return f"the high since entry of {coin_text(coin)}"
        case Profit(coin):
            return f"the profit on {coin_text(coin)}"
        case Holding(coin):
            return f"the holding of {coin}"
        case Value(coin):
            return f"the value of {coin_text(coin)}"


def _constant(constant: Constant, quote: Symbol) -> str:
    match constant.unit.kind:
        case Kind.QUOTE:
            return _worth(constant.value, quote)
        case Kind.RATIO:
            return percent(constant.value)
        case Kind.COINS:
            return f"{number(constant.value)} {constant.unit.coin}"
        case Kind.GWEI:
            return f"{number(constant.value)} gwei"
        case Kind.SECONDS:
            return duration(int(constant.value))
        case Kind.NUMBER:
            return number(constant.value)


def coin_text(coin: Coin) -> str:
    match coin:
        case Largest(coins):
            return f"the largest of {_list(coins)}"
        case FirstHeld(coins):
            return f"the first held of {_list(coins)}"
        case Best(coins, ago):
            return f"the best of {_list(coins)} in {duration(ago)}"
        case _:
            return coin


def _list(coins: tuple[Symbol, ...]) -> str:
    return "/".join(coins)
