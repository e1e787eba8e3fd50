"""Made-up market situations: every fact that an order reads can be set by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sentinel.core.closes import CloseSeries
from sentinel.core.network import Symbol
from sentinel.orders.playing.situation import Fill, Gap, Position, Situation
from sentinel.orders.typed.conditions import ClosesBeyond, Streak
from sentinel.orders.typed.expressions import (
    Best,
    Change,
    Coin,
    Entry,
    Fact,
    High,
    Holding,
    Price,
    PriceAgo,
    PriceWhenSet,
    Statistic,
    Window,
    named,
)
from sentinel.orders.typed.judgements import phrases_of
from sentinel.orders.typed.order import Order
from sentinel.orders.typed.parts import parts

Driver = Price | PriceAgo | PriceWhenSet | Entry | High | Holding | Window | Fact
NOW = 1_700_000_000
LONG_AGO = 10**7  # seconds
NEUTRAL = -1  # the clause of a trade that no clause in particular made
_PRICES = {Symbol("WETH"): Decimal("2487.13"), Symbol("WBTC"): Decimal("61234.7")}
_OF_TRADES = (Fact.SINCE_TRADE, Fact.TRADES)
_OTHER_PRICE = Decimal("97.31")
_STATISTICS = {
    Statistic.RSI: Decimal(50),
    Statistic.MEAN: Decimal(1),
    Statistic.HIGHEST: Decimal("1.05"),
    Statistic.LOWEST: Decimal("0.95"),
}  # an RSI, and times the price


@dataclass(frozen=True, slots=True)
class World:
    """`facts`: the value of each driver in its unit. `profit`: of a round trip, in quote tokens."""

    quote: Symbol
    facts: Mapping[Driver, Decimal]
    time: int = NOW
    profit: Decimal = Decimal(0)
    judgements: Mapping[str, bool] = field(default_factory=dict)  # the student's answers

    def answering(self, judgements: Mapping[str, bool]) -> World:
        return replace(self, judgements={**self.judgements, **judgements})

    def having(self, driver: Driver, value: Decimal) -> World:
        return replace(self, facts={**self.facts, driver: value})

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal worlds."""
        return frozenset(self.facts.items()), self.time, self.profit, frozenset(self.judgements.items())

    @property
    def trades(self) -> int:
        """How many trades its facts speak of."""
        least = 1 if Fact.SINCE_TRADE in self.facts else 0
        return max(int(self.facts.get(Fact.TRADES, 0)), least)

    def without_trades(self) -> World:
        return replace(self, facts={one: value for one, value in self.facts.items() if one not in _OF_TRADES})

    def situation(
        self, fills: tuple[Fill, ...] = (), rearmed: frozenset[int] = frozenset(), trader: int = NEUTRAL
    ) -> Situation:
        """`trader`: the clause that made the trades of which its facts speak."""
        facts, time = self.facts, self.time
        earlier = (Fill(time - int(facts.get(Fact.SINCE_TRADE, 0)), trader),) * self.trades
        positions = {
            one.coin: Position(value, facts.get(High(one.coin), value))
            for one, value in facts.items()
            if isinstance(one, Entry) and isinstance(one.coin, str)
        }
        return Situation(
            time=time,
            prices={**self._by_coin(Price), self.quote: Decimal(1)},
            holdings={one.coin: value for one, value in facts.items() if isinstance(one, Holding)},
            gas_price=facts.get(Fact.GAS_PRICE),
            closes=self._closes(),
            positions=positions,
            set_at=time - int(facts.get(Fact.SINCE_SET, 0)),
            set_prices=self._by_coin(PriceWhenSet),
            fills=(*earlier, *fills),
            rearmed=rearmed,
            stated={one: value for one, value in facts.items() if isinstance(one, Window)},
            bought_today=facts.get(Fact.BOUGHT_TODAY, Decimal(0)),
            judgements=self.judgements,
            gap=lambda coin, amount: Gap(amount, self.profit),
        )

    def _by_coin(self, kind: type[Price] | type[PriceWhenSet]) -> dict[Symbol, Decimal]:
        return {
            one.coin: value for one, value in self.facts.items() if isinstance(one, kind) and isinstance(one.coin, str)
        }

    def _closes(self) -> dict[Symbol, CloseSeries]:
        found: dict[Symbol, dict[int, float]] = {}
        for one, value in self.facts.items():
            if isinstance(one, PriceAgo) and isinstance(one.coin, str):
                found.setdefault(one.coin, {})[self.time - one.ago] = float(value)
        return {
            coin: CloseSeries(tuple(sorted(closes)), tuple(closes[time] for time in sorted(closes)))
            for coin, closes in found.items()
        }


# ------------------------------------------------------------ the world that others are changed from


def plain_world(orders: tuple[Order, ...], coins: tuple[Symbol, ...], wealth: Decimal) -> World:
    """All that these orders read, with `wealth` quote tokens in each token and no signal anywhere."""
    quote = orders[0].quote
    facts: dict[Driver, Decimal] = {Fact.GAS_PRICE: Decimal(10), Fact.SINCE_SET: Decimal(10**5), Holding(quote): wealth}
    for coin in coins:
        price = plain_price(coin)
        facts |= {Price(coin): price, PriceWhenSet(coin): price, Entry(coin): price, High(coin): price}
        facts[Holding(coin)] = (wealth / price).quantize(Decimal("1e-8"))
    for driver in _read(orders):
        facts.setdefault(driver, _plain(driver))
    ends = [clause.until for order in orders for clause in order.clauses if clause.until is not None]
    judged = dict.fromkeys(phrases_of(tuple(condition for order in orders for condition in order.conditions())), True)
    return World(quote, facts, min([NOW, *(end - 10**6 for end in ends)]), judgements=judged)


def plain_price(coin: Symbol) -> Decimal:
    return _PRICES.get(coin, _OTHER_PRICE)


def _plain(driver: Driver) -> Decimal:
    match driver:
        case Window(statistic, coin):
            return _STATISTICS[statistic] * (1 if statistic is Statistic.RSI else plain_price(named(coin)[0]))
        case PriceAgo(coin):
            return plain_price(named(coin)[0])
        case _:
            return Decimal(0)


def _read(orders: tuple[Order, ...]) -> Iterator[Driver]:
    """Windows and past prices, which are not the same for all orders."""
    for part in parts(tuple((order.clauses, order.only_while) for order in orders)):
        match part:
            case Window():
                yield part
            case PriceAgo(coin, ago) | Change(coin, ago):
                yield from (PriceAgo(one, ago) for one in named(coin))
            case Best(coins, ago):
                yield from (PriceAgo(one, ago) for one in coins)
            case Streak(coin, closes, bar):
                yield from _bars(coin, closes, bar)
            case ClosesBeyond(coin, closes, bar):
                yield from _bars(coin, closes - 1, bar)


def _bars(coin: Coin, count: int, bar: int) -> Iterator[Driver]:
    return (PriceAgo(one, back * bar) for one in named(coin) for back in range(1, count + 1))
