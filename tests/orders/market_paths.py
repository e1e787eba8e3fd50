"""Random markets for random orders: prices on a grid, gaps, gas, fills, and orders whose levels lie near the prices."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sentinel.core.closes import CloseSeries
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.situation import Fill, Gap, Position, Situation
from sentinel.orders.playing.trades import Side
from sentinel.orders.typed.actions import Action, Arbitrage, Buy, Exchange, Sell, Share, Trim, Worth
from sentinel.orders.typed.expressions import (
    QUOTE,
    SECONDS,
    Constant,
    Expression,
    Kind,
    Scaled,
    Statistic,
    Unit,
    Window,
    named,
)
from sentinel.orders.typed.order import Clause, Order, Slices
from tests.orders.random_orders import RandomOrders
from tests.orders.reference_values import Unknown, Values

COINS = ("WETH", "WBTC", "UNI")
BASE = {"WETH": Decimal(2_000), "WBTC": Decimal(60_000), "UNI": Decimal("7.5"), "USDC": Decimal(1)}
DAY = 86_400
MIDNIGHT = 19_000 * DAY
WEI = Decimal("1e-18")


@dataclass
class Market:
    """One market and one wallet, block by block. `now` is what the player sees."""

    chance: random.Random
    block: int = 12  # seconds
    closes: dict[str, dict[int, float]] = field(default_factory=dict)
    edge: Decimal = Decimal(0)  # of a round trip, a share of its input
    now: Situation = field(init=False)

    def __post_init__(self) -> None:
        chance = self.chance
        self.block = chance.choice((2, 12))
        time = MIDNIGHT + chance.choice((40_000, -20 * self.block, 5)) + chance.randint(0, 60)
        prices = {coin: BASE[coin] for coin in COINS}
        for back in [*range(10_800, 600, -60), *range(600, 0, -self.block)]:
            self.step(time - back, prices)
        if chance.random() < 0.3:
            self.forget(time - chance.randint(60, 900), chance.choice((80, 120, 900)))
        holdings = {coin: self.worth(coin, 3_000) for coin in COINS if chance.random() < 0.75}
        holdings["USDC"] = Decimal(chance.choice((0, 100, 1_000, 5_000)))
        held = [coin for coin in holdings if coin != "USDC" and chance.random() < 0.8]
        self.now = Situation(
            time,
            {**prices, "USDC": Decimal(1)},
            holdings,
            Decimal(chance.randint(10, 40)),
            positions={coin: Position(prices[coin] * self.near(), prices[coin] * self.near()) for coin in held},
            set_at=time,
            set_prices={coin: price for coin, price in prices.items() if chance.random() < 0.9},
        )
        self.now = replace(self.now, closes=self.series(), gap=self.gap)

    def near(self) -> Decimal:
        return 1 + Decimal(self.chance.randint(-20, 20)) / 1_000

    def worth(self, coin: str, quote: int) -> Decimal:
        return (Decimal(self.chance.randint(1, quote)) / BASE[coin]).quantize(WEI)

    def step(self, time: int, prices: dict[str, Decimal]) -> None:
        """Prices move on a grid, so that they land on levels exactly."""
        for coin in prices:
            prices[coin] += BASE[coin] * self.chance.choice((-2, -1, -1, 0, 0, 1, 1, 2)) / 1_000
            self.closes.setdefault(coin, {})[time] = float(prices[coin])

    def forget(self, newest: int, length: int) -> None:
        for series in self.closes.values():
            for time in [time for time in series if newest - length < time <= newest]:
                del series[time]

    def series(self) -> dict[str, CloseSeries]:
        return {coin: CloseSeries(tuple(one), tuple(one.values())) for coin, one in self.closes.items()}

    def gap(self, coin: str, amount: Decimal) -> Gap | None:
        """Worse for larger amounts. What it is for one coin is never known."""
        return None if coin == "UNI" else Gap(amount, amount * self.edge - amount * amount / 1_000_000 - 1)

    def blocks(self, count: int) -> Iterator[Situation]:
        for _ in range(count):
            yield self.now
            self.advance()

    def advance(self) -> None:
        chance, now = self.chance, self.now
        pause = self.block * (chance.choice((8, 60)) if chance.random() < 0.03 else 1)
        known = {coin: self.last(coin) for coin in COINS}
        self.step(now.time + pause, known)
        self.edge = Decimal(chance.randint(-5, 20)) / 1_000
        hidden = chance.choice(COINS) if chance.random() < 0.03 else ""
        self.now = replace(
            now,
            time=now.time + pause,
            prices={coin: price for coin, price in {**known, "USDC": Decimal(1)}.items() if coin != hidden},
            gas_price=None if chance.random() < 0.05 else Decimal(chance.randint(10, 40)),
            closes=self.series(),
            positions={
                coin: replace(one, high=max(one.high, known[coin]))
                for coin, one in now.positions.items()
                if now.holdings.get(coin)
            },
            bought_today=now.bought_today if now.time // DAY == (now.time + pause) // DAY else Decimal(0),
        )

    def last(self, coin: str) -> Decimal:
        return Decimal(repr(next(reversed(self.closes[coin].values()))))

    def carry_out(self, play: Play) -> None:
        """Most trades are confirmed in the same block; some fail and leave no fill."""
        now = replace(self.now, rearmed=self.now.rearmed | play.turned_false)
        if (trade := play.trade) is not None and play.clause is not None and self.chance.random() < 0.85:
            holdings = dict(now.holdings)
            if trade.side is Side.ARBITRAGE:
                holdings[trade.sold] += trade.min_profit.quantize(WEI)
            else:
                price = self.last(trade.bought) if trade.bought != "USDC" else Decimal(1)
                holdings[trade.sold] = max(holdings[trade.sold] - trade.amount, Decimal(0)).quantize(WEI)
                holdings[trade.bought] = (holdings.get(trade.bought, Decimal(0)) + trade.worth / price).quantize(WEI)
            bought = trade.worth if trade.side is Side.BUY else Decimal(0)
            now = replace(
                now,
                holdings=holdings,
                fills=(*now.fills, Fill(now.time, play.clause)),
                rearmed=now.rearmed - {play.clause},
                bought_today=now.bought_today + bought,
            )
        self.now = now


class NearOrders(RandomOrders):
    """Orders whose levels, sizes and times lie near what a market shows, most of them on its grid."""

    def __init__(self, seed: int, market: Market) -> None:
        super().__init__(seed, COINS, max_bars=8)
        self.market = market
        self.values = Values(Order("USDC", (Clause(self.action()),)), market.now)

    def order(self) -> Order:
        """With fewer limits of all trades, and largest shares that are near."""
        order, chance = super().order(), self.chance
        bought = [one.action for one in order.clauses if isinstance(one.action, Buy | Exchange)]
        if bought and chance.random() < 0.3:
            coin = bought[0].coin if isinstance(bought[0], Buy) else bought[0].bought
            share = (
                float(self.values.value(*named(coin)[:1]) / (self.values.total() + 1)) + chance.randint(-5, 15) / 100
            )
            order = replace(order, max_shares=((named(coin)[0], round(Decimal(min(max(share, 0.01), 0.99)), 2)),))
        return replace(order, only_while=None) if chance.random() < 0.6 else order

    def clause(self) -> Clause:
        """With more of what seldom trades."""
        clause = super().clause()
        if isinstance(clause.action, Buy | Sell | Exchange) and self.chance.random() < 0.3:
            parts = self.chance.randint(2, 6)
            return Clause(clause.action, clause.when, slices=Slices(parts, max(parts, self.duration())))
        if clause.when is not None and clause.slices is None and self.chance.random() < 0.4:
            return replace(clause, rearm=True, every=None)
        return clause

    def action(self) -> Action:
        chance = self.chance
        action = chance.choice(
            (super().action, super().action, super().action, self.rebalance, self.arbitrage, self.trim)
        )()
        return self.arbitrage() if isinstance(action, Arbitrage) else action

    def arbitrage(self) -> Arbitrage:
        chance = self.chance
        spent = chance.choice((Worth(self.amount()), Share(self.share())))
        least = chance.choice((Worth(Decimal(chance.randint(1, 4))), Share(Decimal(chance.randint(1, 10)) / 1_000)))
        return Arbitrage(self.symbol(), spent, least)

    def trim(self) -> Trim:
        return Trim(self.some(self.coins, 1, 2), Decimal(self.chance.randint(0, 40)) / 100)

    def price(self) -> Expression:
        if self.chance.random() < 0.75:
            return super().price()
        statistic = self.chance.choice((Statistic.MEAN, Statistic.HIGHEST, Statistic.LOWEST))
        return Window(statistic, self.symbol(), self.chance.randint(1, 8), self.bar(), self.chance.random() < 0.5)

    def level(self, left: Expression, unit: Unit) -> Expression:
        pick = self.chance.random()
        if pick < 0.1:
            return self.expression(unit)
        right = None if pick < 0.75 or unit.kind in (Kind.SECONDS, Kind.NUMBER) else self.read(unit)
        try:
            value = self.values.number(left)
            if right is None or isinstance(right, Constant):
                return self.constant_near(Decimal(str(float(value))), unit)
            factor = round(Decimal(str(float(value / self.values.number(right)))), 3)
        except (Unknown, ZeroDivisionError, OverflowError, ValueError):
            return self.constant(unit)
        return Scaled(factor, right) if abs(factor) < 1_000 else right

    def constant_near(self, value: Decimal, unit: Unit) -> Constant:
        chance = self.chance
        if not value.is_finite():
            return self.constant(unit)
        if unit == SECONDS:
            return Constant(int(value) + Decimal(chance.randint(0, 20) * self.market.block), unit)
        if unit == QUOTE:
            value += value * chance.choice((-5, -2, -1, 0, 0, 1, 2, 5)) / 1_000
        elif unit.kind is Kind.RATIO:
            value = round(value, 3) + Decimal(chance.randint(-3, 3)) / 1_000
        elif unit.kind is Kind.COINS:
            value *= self.market.near()
        else:
            value = round(value) + Decimal(chance.randint(-2, 2))
        return Constant(round(value, 12), unit)

    def amount(self) -> Decimal:
        return Decimal(self.chance.choice((5, 20, 50, 100, 100, 200, 500, 1_000, 3_000)))

    def coins_of(self, coin: str) -> Decimal:
        return self.market.worth(coin, 1_000)

    def duration(self) -> int:
        return self.chance.choice((self.market.block, 5 * self.market.block, 60, 61, 100, 300, 600))

    def bar(self) -> int:
        return self.chance.choice((self.market.block, self.market.block, 12, 60))

    def until(self) -> int:
        return self.market.now.time + self.market.block * self.chance.randint(0, 40)
