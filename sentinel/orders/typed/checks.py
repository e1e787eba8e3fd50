"""What an order may say: each check raises ValueError with the reason."""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal

from sentinel.core.closes import WEEK
from sentinel.core.network import Symbol
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
    QUOTE,
    RSI_WARM_UP,
    Best,
    Change,
    Coin,
    Constant,
    Difference,
    Entry,
    Expression,
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
    named,
    require_window,
    same_unit,
    unit,
)
from sentinel.orders.typed.judgements import phrase_fault

MAX_DEPTH = 8  # of parentheses
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9._]{0,15}")
_MOST = Decimal(10) ** 15
_WHOLE = (Kind.SECONDS, Kind.NUMBER)


def require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)


def check_number(value: Decimal) -> None:
    require(value.is_finite() and abs(value) < _MOST, "a number is finite and below 10^15")
    exponent = value.normalize().as_tuple().exponent
    require(isinstance(exponent, int) and exponent >= -18, "a number has at most 18 decimals")


def check_coin(coin: Coin) -> None:
    symbols = named(coin)
    require(all(_SYMBOL.fullmatch(symbol) for symbol in symbols), "a coin is named by its symbol")
    require(len(set(symbols)) == len(symbols), "a coin is named twice")
    require(isinstance(coin, str) or len(symbols) >= 2, "a choice is between two coins or more")
    if isinstance(coin, Best):
        _check_ago(coin.ago)


def check_condition(condition: Condition, depth: int = 0) -> None:
    require(depth <= MAX_DEPTH, f"more than {MAX_DEPTH} parentheses in each other")
    match condition:
        case Compare(left, _, right):
            _check_expression(left)
            _check_expression(right)
            same_unit(left, right)
        case Streak(coin, closes, bar) | ClosesBeyond(coin, closes, bar):
            check_coin(coin)
            require(2 <= closes <= 1000 and bar >= 1 and closes * bar <= WEEK, "2 to 1,000 closes, 7 days at most")
            if isinstance(condition, ClosesBeyond):
                _check_expression(condition.level)
                require(unit(condition.level) == QUOTE, "closes are compared with a price")
        case Judgement(phrase):
            fault = phrase_fault(phrase)
            require(fault is None, fault or "")
        case All(of) | Either(of):
            require(len(of) >= 2, "'and' and 'or' join two conditions or more")
            for one in of:
                check_condition(one, depth + 1)
        case Not(of_one):
            check_condition(of_one, depth + 1)


def _check_expression(expression: Expression, depth: int = 0) -> None:
    require(depth <= MAX_DEPTH, f"more than {MAX_DEPTH} parentheses in each other")
    match expression:
        case Price(coin) | PriceWhenSet(coin) | Entry(coin) | High(coin) | Profit(coin) | Holding(coin) | Value(coin):
            check_coin(coin)
        case PriceAgo(coin, ago) | Change(coin, ago):
            check_coin(coin)
            _check_ago(ago)
        case Window(coin=coin):
            check_coin(coin)
            require_window(expression)
        case Weight(coins, among):
            _check_distinct(coins)
            require(bool(coins), "the weight of nothing")
            _check_distinct(among)
            require(not among or set(coins) < set(among), "a weight is of some coins among more")
        case Constant(value, of):
            check_number(value)
            require(of.kind not in _WHOLE or value == int(value) or of.kind is Kind.NUMBER, "seconds are whole")
            require(of.kind is not Kind.SECONDS or value >= 0, "a duration is not negative")
            if of.kind is Kind.COINS:
                check_coin(of.coin)
        case Scaled(factor, of_one):
            check_number(factor)
            require(not isinstance(of_one, Constant), "a share of a constant is a constant")
            _check_expression(of_one, depth + 1)
        case Sum(left, right) | Difference(left, right):
            _check_expression(left, depth + 1)
            _check_expression(right, depth + 1)
            same_unit(left, right)
        case _:
            pass


def _check_ago(ago: int) -> None:
    require(1 <= ago <= WEEK, "a past price is 1 second to 7 days old")


def _check_distinct(coins: tuple[Symbol, ...]) -> None:
    for coin in coins:
        check_coin(coin)
    require(len(set(coins)) == len(coins), "a coin is named twice")


def check_action(action: Action, quote: Symbol | None = None) -> None:
    """Raises ValueError. `quote`: the quote token, where it is known."""
    match action:
        case Buy(coin, amount) | Sell(coin, amount):
            _check_traded(coin, quote)
            _check_amount(amount, coin)
        case Exchange(sold, bought, amount):
            _check_traded(sold, quote)
            _check_traded(bought, quote)
            require(sold != bought, "a coin is not swapped for itself")
            _check_amount(amount, sold)
        case Rebalance():
            _check_rebalance(action, quote)
        case Trim(coins, share):
            _check_distinct(coins)
            require(bool(coins) and quote not in coins, "coins are cut, not the quote token")
            check_number(share)
            require(0 <= share < 1, "coins are cut to a share below 100%")
        case Arbitrage(coin, amount, profit):
            _check_traded(coin, quote)
            _check_amount(amount, coin)
            _check_amount(profit, coin)
        case Wait():
            pass


def _check_traded(coin: Coin, quote: Symbol | None) -> None:
    check_coin(coin)
    require(quote not in named(coin), "the quote token is what coins are bought with and sold for")


def _check_amount(amount: Amount, coin: Coin) -> None:
    match amount:
        case Worth(number):
            require(number > 0, "an amount is above 0")
        case Coins(number):
            require(number > 0, "an amount is above 0")
            require(isinstance(coin, str), "a number of coins needs one coin")
        case Share(number):
            require(0 < number <= 1, "a share is above 0% and at most 100%")
    check_number(number)


def _check_rebalance(action: Rebalance, quote: Symbol | None) -> None:
    coins = tuple(coin for coin, _ in action.weights)
    _check_distinct(coins)
    for _, weight in action.weights:
        check_number(weight)
        require(0 <= weight <= 1, "a weight is 0% to 100%")
    check_number(action.band)
    require(0 <= action.band < 1, "a band is 0% to 100%")
    total = sum(weight for _, weight in action.weights)
    whole = action.alone or (quote is not None and quote in coins)
    require(total == 1 if whole else total <= 1, "the weights add up to 100%")
    require(len(coins) >= (2 if whole else 1), "a weight of what?")
    require(quote is None or any(coin != quote for coin in coins), "a weight of the quote token alone")


def closes_read(part: object) -> int:
    """How many closes all windows of a part of an order read, equal windows once."""
    found: dict[object, int] = {}
    _count_closes(part, found)
    return sum(found.values())


def _count_closes(part: object, found: dict[object, int]) -> None:
    match part:
        case Window():
            found[part] = part.bars * (RSI_WARM_UP if part.statistic is Statistic.RSI else 1)
        case Streak() | ClosesBeyond():
            found[part] = part.closes
    if isinstance(part, tuple):
        for item in part:
            _count_closes(item, found)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            _count_closes(getattr(part, field.name), found)
