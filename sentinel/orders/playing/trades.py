"""From an action of an order to the trade that it is in a situation: which tokens and how much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from sentinel.core.network import Symbol
from sentinel.orders.language.words import percent
from sentinel.orders.playing.shown import coins, money
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.situation_values import Unknown, chosen, price, total, value
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
from sentinel.orders.typed.expressions import named
from sentinel.orders.typed.order import Clause, Order

ZERO = Decimal(0)


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"
    SWAP = "swap"
    ARBITRAGE = "arbitrage"


@dataclass(frozen=True, slots=True)
class Trade:
    side: Side
    sold: Symbol
    bought: Symbol  # of an arbitrage: the coin between
    amount: Decimal  # whole tokens of `sold`
    worth: Decimal  # of it, in quote tokens
    min_profit: Decimal = ZERO  # of an arbitrage, in quote tokens
    most: Decimal | None = None  # whole tokens of `sold` that the order's limits allow; None: none of them binds


class NoTrade(Exception):
    """The action is nothing to do now, in words that can be shown to the operator."""


def trade(clause: Clause, done: int, order: Order, at: Situation) -> Trade:
    """The trade of a clause that has traded `done` times. Raises NoTrade, and Unknown if the situation lacks a fact."""
    found = _Sizing(order, at, clause, done).trade(clause.action)
    _check_size(found.worth, order)
    if found.side in (Side.BUY, Side.SWAP):
        _check_bought(found, order, at)
    return replace(found, most=_most(found, order, at))


def _check_size(worth: Decimal, order: Order) -> None:
    """Raises NoTrade for what is too small to be traded."""
    if worth <= 0:
        raise NoTrade("nothing is left to trade")
    if order.min_trade is not None and worth < order.min_trade:
        raise NoTrade(f"{money(worth)} {order.quote} is less than the smallest trade of {money(order.min_trade)}")


def require_held(action: Action, at: Situation) -> None:
    """Raises NoTrade if nothing is held of what the action sells, whatever its condition."""
    match action:
        case Sell(coin) | Exchange(coin):
            coins = named(coin)
        case Trim(coins):
            pass
        case _:
            return
    if not any(at.holdings.get(one) for one in coins):
        raise NoTrade(f"no {' or '.join(coins)} is held")


def spendable(order: Order, at: Situation) -> Decimal:
    """The quote tokens above the reserve."""
    return max(at.holdings.get(order.quote, ZERO) - (order.reserve or ZERO), ZERO)


def _check_bought(found: Trade, order: Order, at: Situation) -> None:
    """Raises NoTrade for a buy over the day's limit, or a buy or swap over a largest share: it is left out whole."""
    if found.side is Side.BUY and order.max_day is not None and at.bought_today + found.worth > order.max_day:
        today, most = money(at.bought_today), money(order.max_day)
        raise NoTrade(f"{today} {order.quote} are bought today, and {money(found.worth)} more would exceed {most}")
    share = dict(order.max_shares).get(found.bought)
    if share is not None and value(at, found.bought) + found.worth > share * total(at):
        raise NoTrade(f"{found.bought} would be more than {percent(share)} of everything held")


def _most(found: Trade, order: Order, at: Situation) -> Decimal | None:
    """The largest input with which this trade would still keep to the limits of the order."""
    bounds = [] if order.max_trade is None else [order.max_trade]
    if found.side in (Side.BUY, Side.ARBITRAGE):
        bounds.append(spendable(order, at))
    if found.side is Side.BUY and order.max_day is not None:
        bounds.append(order.max_day - at.bought_today)
    if found.side in (Side.BUY, Side.SWAP) and (share := dict(order.max_shares).get(found.bought)) is not None:
        bounds.append(share * total(at) - value(at, found.bought))
    return found.amount * min(bounds) / found.worth if bounds else None


@dataclass(frozen=True, slots=True)
class _Sizing:
    order: Order
    at: Situation
    clause: Clause
    done: int

    def trade(self, action: Action) -> Trade:
        match action:
            case Buy(coin, amount):
                return self._buy(chosen(coin, self.at), amount)
            case Sell(coin, amount):
                return self._sale(Side.SELL, chosen(coin, self.at), self.order.quote, amount)
            case Exchange(sold, bought, amount):
                return self._sale(Side.SWAP, chosen(sold, self.at), chosen(bought, self.at), amount)
            case Rebalance():
                return self._rebalance(action)
            case Trim():
                return self._trim(action)
            case Arbitrage():
                return self._arbitrage(action)
            case Wait():
                raise NoTrade("it waits")

    def _cut(self, worth: Decimal) -> Decimal:
        """Before it is known whether it fits: only what is traded has to."""
        return worth if self.order.max_trade is None else min(worth, self.order.max_trade)

    def _part(self, amount: Decimal) -> Decimal:
        return amount if self.clause.slices is None else amount / self.clause.slices.parts

    def _share(self, share: Share, held: Decimal) -> Decimal:
        """Of the holding at the first part, so that all parts are equal if nothing else is traded."""
        if (slices := self.clause.slices) is None:
            return share.fraction * held
        return share.fraction * held / (slices.parts - share.fraction * self.done)

    def _buy(self, coin: Symbol, amount: Amount) -> Trade:
        free, quote = spendable(self.order, self.at), self.order.quote
        match amount:
            case Worth(worth):
                cost = self._part(worth)
            case Coins(count):
                cost = self._part(count) * price(self.at, coin)
            case Share():
                cost = self._share(amount, free)
        if not cost or (cost := self._cut(cost)) > free:
            kept = f" above the reserve of {money(self.order.reserve)}" if self.order.reserve else ""
            raise NoTrade(f"{money(free)} {quote} can be spent{kept}, and {money(cost)} are needed")
        return Trade(Side.BUY, quote, coin, cost, cost)

    def _sale(self, side: Side, coin: Symbol, bought: Symbol, amount: Amount) -> Trade:
        """What is left is sold where less is held than asked for."""
        held, now = self.at.holdings.get(coin, ZERO), price(self.at, coin)
        if coin == bought:
            raise NoTrade(f"it is {coin} already")
        match amount:
            case Worth(asked):
                worth = self._part(asked)
            case Coins(count):
                worth = self._part(count) * now
            case Share():
                worth = self._share(amount, held) * now
        return self._sold(side, coin, bought, worth)

    def _sold(self, side: Side, coin: Symbol, bought: Symbol, worth: Decimal) -> Trade:
        held = self.at.holdings.get(coin, ZERO)
        worth = self._cut(min(worth, value(self.at, coin)))
        return Trade(side, coin, bought, min(worth / price(self.at, coin), held), worth)

    def _rebalance(self, action: Rebalance) -> Trade:
        quote, coins_named = self.order.quote, [coin for coin, _ in action.weights]
        whole = sum((value(self.at, coin) for coin in coins_named), ZERO) if action.alone else total(self.at)
        if not whole:
            raise NoTrade("nothing is held")
        # value above the target, in quote tokens
        gaps = {coin: value(self.at, coin) - weight * whole for coin, weight in action.weights if coin != quote}
        farthest = max(gaps, key=lambda coin: abs(gaps[coin]))
        if not self._is_off(gaps[farthest], whole, action):
            off = abs(gaps[farthest]) / whole * 100
            raise NoTrade(f"{farthest} is {off:.2f}% off its target, within the band of {percent(action.band)}")
        size = self._cut(self._size_of_gap(gaps[farthest], whole, action))
        if action.alone and quote not in coins_named:
            return self._between(gaps, size)
        if gaps[farthest] < 0:
            free, over = spendable(self.order, self.at), max(gaps, key=lambda coin: gaps[coin])
            if size <= free or gaps[over] <= 0 or not self._is_off(gaps[over], whole, action):
                if not (size := min(size, free)):
                    raise NoTrade(f"no {quote} can be spent")
                return Trade(Side.BUY, quote, farthest, size, size)
            farthest, size = over, self._size_of_gap(gaps[over], whole, action)  # to pay for the buy
        return self._sold(Side.SELL, farthest, quote, size)

    @staticmethod
    def _is_off(gap: Decimal, whole: Decimal, action: Rebalance) -> bool:
        band = action.band * whole
        return gap != 0 and (abs(gap) > band or (action.inclusive and abs(gap) == band))

    @staticmethod
    def _size_of_gap(gap: Decimal, whole: Decimal, action: Rebalance) -> Decimal:
        match action.way:
            case Way.HALF:
                return abs(gap) / 2
            case Way.EDGE:
                return abs(gap) - action.band * whole
            case Way.TARGET:
                return abs(gap)

    def _between(self, gaps: dict[Symbol, Decimal], size: Decimal) -> Trade:
        """Swap what is most above its target for what is most below."""
        over, under = max(gaps, key=lambda coin: gaps[coin]), min(gaps, key=lambda coin: gaps[coin])
        size = min(size, gaps[over], -gaps[under])
        return self._sold(Side.SWAP, over, under, size)

    def _trim(self, action: Trim) -> Trade:
        held = sum((value(self.at, coin) for coin in action.coins), ZERO)
        whole = total(self.at)
        excess = held - action.share * whole
        if excess <= 0:
            now = held / whole * 100 if whole else ZERO
            raise NoTrade(f"{'/'.join(action.coins)} is {now:.2f}% of everything held, at most {percent(action.share)}")
        coin = next(coin for coin in action.coins if self.at.holdings.get(coin))
        return self._sold(Side.SELL, coin, self.order.quote, excess)

    def _arbitrage(self, action: Arbitrage) -> Trade:
        free, quote = spendable(self.order, self.at), self.order.quote
        amount = self._cut(action.amount.quote if isinstance(action.amount, Worth) else action.amount.fraction * free)
        if not amount or amount > free:
            raise NoTrade(f"{money(free)} {quote} can be spent, and {money(amount)} are needed")
        _check_size(amount, self.order)
        least = action.profit.quote if isinstance(action.profit, Worth) else action.profit.fraction * amount
        if (gap := self.at.gap(action.coin, amount)) is None:
            raise Unknown(f"what a round trip through {action.coin} would bring is not known")
        if gap.profit < least:
            raise NoTrade(f"the best round trip would bring {money(gap.profit)} {quote}, and {money(least)} are needed")
        return Trade(Side.ARBITRAGE, quote, action.coin, amount, amount, least)


def trade_text(found: Trade, quote: Symbol) -> str:
    """'sell 2 WETH (2,964.20 USDC)'"""
    match found.side:
        case Side.BUY:
            return f"buy {found.bought} for {money(found.worth)} {quote}"
        case Side.SELL:
            return f"sell {coins(found.amount)} {found.sold} ({money(found.worth)} {quote})"
        case Side.SWAP:
            return f"swap {coins(found.amount)} {found.sold} for {found.bought} ({money(found.worth)} {quote})"
        case Side.ARBITRAGE:
            return f"arbitrage {found.bought} with {money(found.worth)} {quote}"
