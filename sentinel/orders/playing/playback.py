"""What an order would have done on recorded closes: an estimate, with pool fees and gas, without slippage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.situation import Fill, Position, Situation
from sentinel.orders.playing.trades import Side, Trade
from sentinel.orders.typed.order import Order

DAY = 86_400
BAR = 60  # seconds


@dataclass(frozen=True, slots=True)
class Costs:
    """What trades pay."""

    fee: Callable[[Symbol, Symbol], Decimal] = lambda sold, bought: Decimal(0)  # share of a trade that the pools take
    gas: Decimal = Decimal(0)  # quote tokens a trade; paid in native coin, so no holding pays it


@dataclass(frozen=True, slots=True)
class PlayedTrade:
    time: int  # chain time in seconds
    trade: Trade
    why: str
    fee: Decimal  # quote tokens that the pools take
    gas: Decimal  # quote tokens
    after: Situation


def playback(order: Order, start: Situation, end: int, bar: int = BAR, costs: Costs = Costs()) -> Iterator[PlayedTrade]:
    """The trades from `start` until `end`, one look every `bar` seconds. Each is filled at its close, less its fee.

    `start.closes` hold the prices; coins without a close at a time keep their last price. Gas is as at the start.
    """
    at = start
    for time in range(start.time, end + 1, bar):
        at, traded = look(order, at, time, costs)
        if traded is not None:
            yield traded


def look(order: Order, at: Situation, time: int, costs: Costs = Costs()) -> tuple[Situation, PlayedTrade | None]:
    """One look at `time`: what the order does with what is held, and what is held afterwards.

    `at.closes` give the prices of that time. An arbitrage is never filled, because closes know no venues.
    """
    at = _moved(at, order.quote, time)
    played, traded = play(order, at), None
    if played.trade is not None and played.clause is not None and played.trade.side is not Side.ARBITRAGE:
        fee = costs.fee(played.trade.sold, played.trade.bought)
        at = _filled(at, played.trade, played.clause, fee)
        traded = PlayedTrade(time, played.trade, played.why, fee * played.trade.worth, costs.gas, at)
    return _rearmed(at, played), traded


def worth(at: Situation, end: int, quote: Symbol) -> Decimal:
    """What is held at `end` if nothing is traded until then, in quote tokens. Coins without a price are left out."""
    prices = _moved(at, quote, end).prices
    return sum((amount * prices[coin] for coin, amount in at.holdings.items() if coin in prices), Decimal(0))


def _moved(at: Situation, quote: Symbol, time: int) -> Situation:
    prices = {**at.prices, quote: Decimal(1)}
    for coin, series in at.closes.items():
        if (close := series.at(time)) is not None:
            prices[coin] = Decimal(repr(close[1]))
    positions = {
        coin: replace(position, high=max(position.high, prices.get(coin, position.high)))
        for coin, position in at.positions.items()
    }
    today = at.bought_today if time // DAY == at.time // DAY else Decimal(0)
    return replace(at, time=time, prices=prices, positions=positions, bought_today=today)


def _filled(at: Situation, trade: Trade, clause: int, fee: Decimal) -> Situation:
    holdings, zero = dict(at.holdings), Decimal(0)
    bought = trade.worth * (1 - fee) / at.prices[trade.bought]
    positions = _with_position(at, trade, bought)
    holdings[trade.sold] = holdings.get(trade.sold, zero) - trade.amount
    holdings[trade.bought] = holdings.get(trade.bought, zero) + bought
    today = at.bought_today + (trade.worth if trade.side is Side.BUY else 0)
    return replace(
        at,
        holdings=holdings,
        positions=positions,
        fills=(*at.fills, Fill(at.time, clause)),
        rearmed=at.rearmed - {clause},
        bought_today=today,
    )


def _with_position(at: Situation, trade: Trade, bought: Decimal) -> Mapping[Symbol, Position]:
    """Positions after the trade: a buy changes the average entry, and opens a position where nothing was held."""
    if trade.side is Side.SELL:
        return at.positions
    coin, price = trade.bought, at.prices[trade.bought]
    held, before = at.holdings.get(coin, Decimal(0)), at.positions.get(coin)
    if not held:
        return {**at.positions, coin: Position(trade.worth / bought, price)}
    if before is None:  # part of it has no known cost
        return at.positions
    entry = (before.entry * held + trade.worth) / (held + bought)
    return {**at.positions, coin: Position(entry, max(before.high, price))}


def _rearmed(at: Situation, played: Play) -> Situation:
    return at if played.turned_false <= at.rearmed else replace(at, rearmed=at.rearmed | played.turned_false)
