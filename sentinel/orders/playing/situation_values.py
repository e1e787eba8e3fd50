"""The value of an expression in a situation, exact in decimals; Unknown with the reason where it has none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TypeVar

from sentinel.core.closes import CloseSeries
from sentinel.core.network import Symbol
from sentinel.orders.language.words import duration
from sentinel.orders.playing.situation import Position, Situation
from sentinel.orders.typed.expressions import (
    RSI_WARM_UP,
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

NEVER = Decimal("Infinity")  # the time since a trade that there was not
_FINE = 60  # seconds; closes are kept once a minute


class Unknown(Exception):
    """The situation does not say it, in words that can be shown to the operator."""


def evaluate(expression: Expression, at: Situation) -> Decimal:
    """In the expression's unit: quote tokens, fraction, coins, gwei, seconds or a number. Raises Unknown."""
    try:
        return _evaluate(expression, at)
    except InvalidOperation as error:
        raise Unknown("it has no value: there was no trade yet") from error


def _evaluate(expression: Expression, at: Situation) -> Decimal:
    match expression:
        case Constant():
            return expression.value
        case Scaled(factor, of):
            return factor * _evaluate(of, at)
        case Sum(left, right):
            return _evaluate(left, at) + _evaluate(right, at)
        case Difference(left, right):
            return _evaluate(left, at) - _evaluate(right, at)
        case Fact():
            return _FACTS[expression](at)
        case Price(coin):
            return price(at, chosen(coin, at))
        case PriceAgo(coin, ago):
            return close_at(at, chosen(coin, at), ago)
        case PriceWhenSet(coin):
            return _known(
                at.set_prices.get(symbol := chosen(coin, at)), f"the price of {symbol} when the order was set"
            )
        case Change(coin, ago):
            return _change(at, chosen(coin, at), ago)
        case Entry(coin):
            return _position(at, chosen(coin, at)).entry
        case High(coin):
            symbol = chosen(coin, at)
            return max(_position(at, symbol).high, price(at, symbol))
        case Profit(coin):
            symbol = chosen(coin, at)
            return at.holdings.get(symbol, Decimal(0)) * (price(at, symbol) - _position(at, symbol).entry)
        case Window():
            return _statistic(at, expression)
        case Weight(coins, among):
            total = sum((value(at, coin) for coin in among or priced(at)), Decimal(0))
            return sum((value(at, coin) for coin in coins), Decimal(0)) / total if total else Decimal(0)
        case Holding(coin):
            return at.holdings.get(coin, Decimal(0))
        case Value(coin):
            return value(at, chosen(coin, at))


# ------------------------------------------------------------ facts


def price(at: Situation, coin: Symbol) -> Decimal:
    """Quote tokens per coin. Raises Unknown."""
    return _known(at.prices.get(coin), f"the price of {coin}")


def value(at: Situation, coin: Symbol) -> Decimal:
    """What is held of it, in quote tokens. Raises Unknown if it is held and has no price."""
    held = at.holdings.get(coin, Decimal(0))
    return held * price(at, coin) if held else held


def priced(at: Situation) -> list[Symbol]:
    """The coins that are held."""
    return [coin for coin, held in at.holdings.items() if held]


def total(at: Situation) -> Decimal:
    """Everything held, in quote tokens. Raises Unknown."""
    return sum((value(at, coin) for coin in priced(at)), Decimal(0))


def chosen(coin: Coin, at: Situation) -> Symbol:
    """The coin that it is now. Raises Unknown if none is held where one must be."""
    match coin:
        case Largest(coins):
            symbol = max(coins, key=lambda one: value(at, one))
            return _held(symbol, coins, at)
        case FirstHeld(coins):
            return _held(next((one for one in coins if at.holdings.get(one)), coins[0]), coins, at)
        case Best(coins, ago):
            return max(coins, key=lambda one: _change(at, one, ago))
        case _:
            return coin


def _held(symbol: Symbol, coins: Iterable[Symbol], at: Situation) -> Symbol:
    if not at.holdings.get(symbol):
        raise Unknown(f"no {' or '.join(coins)} is held")
    return symbol


def _position(at: Situation, coin: Symbol) -> Position:
    return _known(
        at.positions.get(coin), f"the entry price of {coin}", hint=f": `sentinel order entry {coin}=PRICE --coins N`"
    )


def since_trade(at: Situation, clause: int | None = None) -> Decimal:
    """Seconds since the last trade of the order, or of one clause; NEVER if there was none."""
    times = [fill.time for fill in at.fills if clause is None or fill.clause == clause]
    return Decimal(at.time - max(times)) if times else NEVER


def _gas_price(at: Situation) -> Decimal:
    return _known(at.gas_price, "the gas price")


_FACTS: dict[Fact, Callable[[Situation], Decimal]] = {
    Fact.GAS_PRICE: _gas_price,
    Fact.SINCE_TRADE: since_trade,
    Fact.SINCE_SET: lambda at: Decimal(at.time - at.set_at),
    Fact.TRADES: lambda at: Decimal(len(at.fills)),
    Fact.BOUGHT_TODAY: lambda at: at.bought_today,
}


# ------------------------------------------------------------ closes


def close_at(at: Situation, coin: Symbol, ago: int, bar: int = _FINE) -> Decimal:
    """The last close at or before `ago` seconds ago; the price now for 0.

    Raises Unknown if that close is older than one and a half bars, and than 90 seconds: there is a gap.
    """
    if ago == 0:
        return price(at, coin)
    time, series = at.time - ago, at.closes.get(coin)
    close = None if series is None else series.at(time)
    if close is None:
        raise Unknown(f"the price of {coin} {duration(ago)} ago is not known: closes do not reach back so far")
    if (gap := time - close[0]) > max(bar, _FINE) * 3 // 2:
        raise Unknown(f"the price of {coin} {duration(ago)} ago is not known: there is a gap of {duration(gap)}")
    return Decimal(repr(close[1]))


def close_near(series: CloseSeries, time: int) -> Decimal | None:
    """The close of that time; None if the last one before it is more than 90 seconds old."""
    close = series.at(time)
    return None if close is None or time - close[0] > _FINE * 3 // 2 else Decimal(repr(close[1]))


def closes(at: Situation, coin: Symbol, count: int, bar: int, *, earlier: bool = False) -> list[Decimal]:
    """`count` closes, `bar` seconds apart, oldest first; the newest is now, or with `earlier` one bar ago."""
    return [close_at(at, coin, back * bar, bar) for back in reversed(range(earlier, count + earlier))]


def _change(at: Situation, coin: Symbol, ago: int) -> Decimal:
    before = close_at(at, coin, ago)
    if before <= 0:
        raise Unknown(f"the price of {coin} {duration(ago)} ago was 0")
    return price(at, coin) / before - 1


def _statistic(at: Situation, window: Window) -> Decimal:
    if (known := at.stated.get(window, at.windows.get(window))) is not None:
        return known
    at.windows[window] = value_ = _computed(at, window)
    return value_


def _computed(at: Situation, window: Window) -> Decimal:
    coin = chosen(window.coin, at)
    if window.statistic is Statistic.RSI:
        count = window.bars * RSI_WARM_UP + 1
        found = closes(at, coin, count, window.bar, earlier=window.earlier)
        return _rsi(found, window.bars)
    found = closes(at, coin, window.bars, window.bar, earlier=window.earlier)
    match window.statistic:
        case Statistic.HIGHEST:
            return max(found)
        case Statistic.LOWEST:
            return min(found)
        case _:
            return sum(found, Decimal(0)) / len(found)


def _rsi(found: list[Decimal], bars: int) -> Decimal:
    """As `sentinel.core.indicators.rsi`, in decimals: a float's last digit would decide at a threshold."""
    changes = [now - before for before, now in pairwise(found)]
    zero = Decimal(0)
    gain = sum((max(change, zero) for change in changes[:bars]), zero) / bars
    loss = sum((max(-change, zero) for change in changes[:bars]), zero) / bars
    for change in changes[bars:]:
        gain = (gain * (bars - 1) + max(change, zero)) / bars
        loss = (loss * (bars - 1) + max(-change, zero)) / bars
    return 100 * gain / (gain + loss) if gain + loss else Decimal(50)


T = TypeVar("T")


def _known(value: T | None, what: str, hint: str = "") -> T:
    if value is None:
        raise Unknown(f"{what} is not known{hint}")
    return value
