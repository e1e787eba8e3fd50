"""Random orders, by composition of all that the language has. The same seed makes the same orders."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

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
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Either, Not, Op, Streak
from sentinel.orders.typed.expressions import (
    GWEI,
    NUMBER,
    QUOTE,
    RATIO,
    SECONDS,
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
    Statistic,
    Sum,
    Unit,
    Value,
    Weight,
    Window,
)
from sentinel.orders.typed.order import Clause, Order, Slices

T = TypeVar("T")
COINS = ("WETH", "WBTC", "UNI", "USDC.e")
DURATIONS = (1, 12, 59, 60, 61, 90, 300, 3_600, 5_400, 43_200, 86_400, 129_600, 604_800)


class RandomOrders:
    """`coins` of `orders` and the sizes of its windows can be narrowed, so that a price path can reach its levels."""

    def __init__(self, seed: int, coins: Sequence[str] = COINS, max_bars: int = 100) -> None:
        self.chance = random.Random(seed)
        self.coins = tuple(coins)
        self.max_bars = max_bars

    def order(self) -> Order:
        pick = self.chance
        return Order(
            "USDC",
            tuple(self.clause() for _ in range(pick.choice((1, 1, 1, 2, 2, 3)))),
            self.maybe(self.condition),
            self.maybe(self.amount),
            self.maybe(self.amount),
            self.maybe(self.amount),
            self.maybe(self.amount),
            self.maybe(self.share),
            tuple((coin, self.share(below_one=True)) for coin in self.some(self.coins, 0, 2))
            if pick.random() < 0.2
            else (),
        )

    def clause(self) -> Clause:
        pick, action, when = self.chance, self.action(), self.maybe(self.condition, 0.7)
        sliced = isinstance(action, Buy | Sell | Exchange) and pick.random() < 0.2
        if sliced:
            parts = pick.randint(2, 20)
            return Clause(action, when, slices=Slices(parts, max(parts, self.duration())), until=self.maybe(self.until))
        return Clause(
            action,
            when,
            self.maybe(self.duration),
            self.maybe(lambda: pick.choice((1, 1, 2, 1_000))),
            None,
            when is not None and pick.random() < 0.3,
            self.maybe(self.until, 0.1),
            self.maybe(self.duration, 0.1),
        )

    # ------------------------------------------------------------ conditions

    def condition(self, depth: int = 0) -> Condition:
        pick = self.chance.random()
        if depth < 2 and pick < 0.3:
            kind = All if pick < 0.15 else Either
            return kind(tuple(self.condition(depth + 1) for _ in range(self.chance.randint(2, 3))))
        if depth < 2 and pick < 0.35:
            return Not(self.condition(depth + 1))
        if pick < 0.42:
            return Streak(self.coin(), self.chance.randint(2, 9), self.bar(), self.chance.random() < 0.5)
        if pick < 0.5:
            closes = self.chance.randint(2, 9)
            coin = self.coin()
            return ClosesBeyond(coin, closes, self.bar(), self.op(), self.level(Price(coin), QUOTE))
        units = (QUOTE, QUOTE, QUOTE, RATIO, RATIO, GWEI, SECONDS, NUMBER, Unit(Kind.COINS, self.symbol()))
        unit = self.chance.choice(units)
        left = self.expression(unit)
        return Compare(left, self.op(), self.level(left, unit))

    def level(self, left: Expression, unit: Unit) -> Expression:
        """What `left` is compared with."""
        return self.constant(unit) if self.chance.random() < 0.5 else self.expression(unit)

    def expression(self, unit: Unit, depth: int = 0) -> Expression:
        pick = self.chance.random()
        if depth < 2 and pick < 0.1:
            return Sum(self.expression(unit, depth + 1), self.expression(unit, depth + 1))
        if depth < 2 and pick < 0.2:
            return Difference(self.expression(unit, depth + 1), self.expression(unit, depth + 1))
        if depth < 2 and pick < 0.35:
            of = self.expression(unit, depth + 1)
            return of if isinstance(of, Constant) else Scaled(self.share() * self.chance.choice((1, 2, -1)), of)
        return self.read(unit)

    def read(self, unit: Unit) -> Expression:
        chance = self.chance
        if unit.kind is Kind.COINS:
            return chance.choice((Holding(unit.coin), self.constant(unit)))
        if unit == GWEI:
            return Fact.GAS_PRICE
        if unit == SECONDS:
            return chance.choice((Fact.SINCE_TRADE, Fact.SINCE_SET))
        if unit == NUMBER:
            rsi = Window(Statistic.RSI, self.coin(), chance.randint(2, 14), self.bar(), chance.random() < 0.2)
            return chance.choice((Fact.TRADES, rsi))
        if unit == RATIO:
            coins = self.some(self.coins, 1, 2)
            rest = tuple(coin for coin in (*self.coins, "USDC") if coin not in coins)
            among = (*coins, *rest[:2]) if chance.random() < 0.3 else ()
            return chance.choice((Change(self.coin(), self.duration()), Weight(coins, among)))
        return self.price()

    def price(self) -> Expression:
        chance, coin = self.chance, self.coin()
        statistic = chance.choice((Statistic.MEAN, Statistic.HIGHEST, Statistic.LOWEST))
        makers: tuple[Callable[[], Expression], ...] = (
            lambda: Price(coin),
            lambda: Price(coin),
            lambda: PriceAgo(coin, self.duration()),
            lambda: PriceWhenSet(coin),
            lambda: Entry(coin),
            lambda: High(coin),
            lambda: Profit(coin),
            lambda: Value(coin),
            lambda: Window(statistic, coin, chance.randint(1, self.max_bars), self.bar(), chance.random() < 0.3),
            lambda: Fact.BOUGHT_TODAY,
            lambda: self.constant(QUOTE),
        )
        return chance.choice(makers)()

    def constant(self, unit: Unit) -> Constant:
        if unit == SECONDS:
            return Constant(Decimal(self.duration()), unit)
        if unit == RATIO:
            return Constant(self.share() * self.chance.choice((1, 1, -1)), unit)
        return Constant(self.amount(), unit)

    # ------------------------------------------------------------ actions

    def action(self) -> Action:
        chance = self.chance
        kind = chance.choice((Buy, Buy, Buy, Sell, Sell, Sell, Exchange, Rebalance, Trim, Arbitrage, Wait))
        if kind in (Buy, Sell):
            coin = self.coin()
            return Buy(coin, self.size(coin)) if kind is Buy else Sell(coin, self.size(coin))
        if kind is Exchange:
            sold, bought = self.some(self.coins, 2, 2)
            return Exchange(sold, bought, self.size(sold))
        if kind is Rebalance:
            return self.rebalance()
        if kind is Trim:
            return Trim(self.some(self.coins, 1, 2), self.share(below_one=True))
        if kind is Arbitrage:
            spent = chance.choice((Worth(self.amount()), Share(self.share())))
            return Arbitrage(self.symbol(), spent, chance.choice((Worth(self.amount()), Share(self.share()))))
        return Wait()

    def rebalance(self) -> Rebalance:
        chance, way = self.chance, self.chance.choice(tuple(Way))
        coins, band = self.some(self.coins, 2, 2), self.share(below_one=True) / 5
        first = self.share(below_one=True)
        kind = chance.randrange(3)
        weights = (
            ((coins[0], first), ("USDC", 1 - first)),
            ((coins[0], first), (coins[1], 1 - first)),
            ((coins[0], first / 2), (coins[1], first / 4)),
        )[kind]
        return Rebalance(weights, band, chance.random() < 0.5, way, alone=kind == 1)

    def size(self, coin: Coin) -> Amount:
        sizes: list[Amount] = [Worth(self.amount()), Share(self.share()), Share(Decimal(1))]
        return self.chance.choice([*sizes, Coins(self.coins_of(coin))] if isinstance(coin, str) else sizes)

    # ------------------------------------------------------------ small things

    def coin(self) -> Coin:
        pick, coins = self.chance.random(), self.some(self.coins, 2, 2)
        if pick < 0.05:
            return Largest(coins)
        if pick < 0.1:
            return FirstHeld(coins)
        return Best(coins, self.duration()) if pick < 0.15 else coins[0]

    def symbol(self) -> str:
        return self.chance.choice(self.coins)

    def some(self, of: Sequence[str], least: int, most: int) -> tuple[str, ...]:
        return tuple(self.chance.sample(of, self.chance.randint(least, min(most, len(of)))))

    def op(self) -> Op:
        return self.chance.choice(tuple(Op))

    def coins_of(self, coin: str) -> Decimal:
        """How many of it are traded."""
        return self.amount()

    def amount(self) -> Decimal:
        chance = self.chance
        return chance.choice(
            (
                Decimal(chance.randint(1, 99)),
                Decimal(chance.randint(1, 5_000)),
                Decimal(chance.randint(1_000, 10**9)) / 1_000,
                Decimal(chance.randint(1, 10**6)) / 10**6,
            )
        )

    def share(self, *, below_one: bool = False) -> Decimal:
        chance = self.chance
        found = chance.choice((Decimal(chance.randint(1, 100)) / 100, Decimal(chance.randint(1, 10_000)) / 10_000))
        return min(found, Decimal("0.99")) if below_one else found

    def duration(self) -> int:
        return self.chance.choice(DURATIONS)

    def bar(self) -> int:
        return self.chance.choice((1, 12, 60, 300))

    def until(self) -> int:
        return self.chance.randint(1_600_000_000, 1_900_000_000)

    def maybe(self, make: Callable[[], T], likely: float = 0.25) -> T | None:
        return make() if self.chance.random() < likely else None
