"""The battery: made-up situations on each side of each threshold of some orders, so that what they do tells them apart.

It is built from the orders alone, in a fixed order, and is bounded. Orders that do the same in all of its scenes are
one reading for whoever approves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import chain, zip_longest

from sentinel.core.network import Symbol
from sentinel.orders.actions import Coins, Worth
from sentinel.orders.coins import coins_of
from sentinel.orders.conditions import Compare
from sentinel.orders.expressions import (
    Best,
    Coin,
    Constant,
    Entry,
    Fact,
    FirstHeld,
    High,
    Holding,
    Kind,
    Largest,
    Price,
    PriceAgo,
    PriceWhenSet,
    Statistic,
    Window,
)
from sentinel.orders.order import Clause, Order
from sentinel.orders.parts import parts
from sentinel.orders.player import Play, play
from sentinel.orders.situation import Fill
from sentinel.orders.solving import Simple, all_drivers, beside, holds, row, satisfied, simple
from sentinel.orders.thresholds import paying, paying_around, thresholds
from sentinel.orders.worlds import NEUTRAL, Driver, Scene, World, plain_price, plain_world

MAX_SCENES = 240
_DIGITS = Context(prec=4, rounding=ROUND_HALF_EVEN)  # of an amount: differences of 0.1% and more are told apart
_NOISE = Context(prec=20)  # digits in which equal amounts agree, however they are computed
_LONG_AGO = 10**7  # seconds
_MIN_WEALTH = Decimal(10_000)
_PASSES = 3

Effect = tuple[object, ...]


def battery(orders: Sequence[Order]) -> tuple[Scene, ...]:
    """At most `MAX_SCENES` scenes; each order has its turn before any has its next."""
    distinct = tuple(dict.fromkeys(orders))
    if not distinct:
        return ()
    coins = tuple(sorted(set().union(*(coins_of(order) for order in distinct)) - {distinct[0].quote}))
    plain = plain_world(distinct, coins, _wealth(distinct))
    turns = zip_longest(*(_scenes(order, plain, coins) for order in distinct))
    found: dict[object, Scene] = {}
    for scene in chain([Scene(plain)], (one for turn in turns for one in turn if one is not None)):
        found.setdefault(scene.key, scene)
        if len(found) == MAX_SCENES:
            break
    return tuple(found.values())


def effect(order: Order, scenes: Sequence[Scene]) -> Effect:
    """What the order does in each scene: side, tokens and amounts. `max_cost` is policy's, and counts as it stands."""
    return order.max_cost, *(_outcome(play_scene(order, scene)) for scene in scenes)


def play_scene(order: Order, scene: Scene) -> Play:
    """What the order does now, after it has traded as it does in the scene's earlier world."""
    every = frozenset(range(len(order.clauses)))
    clauses: list[int] = []
    for _ in range(scene.count if scene.before is not None else 0):
        assert scene.before is not None
        long_ago = scene.before.time - _LONG_AGO
        earlier = tuple(Fill(long_ago, clause) for clause in clauses)
        if (clause := play(order, scene.before.situation(earlier, every)).clause) is None:
            break
        clauses.append(clause)
    world = scene.world
    fills = tuple(Fill(world.time - scene.ago, clause) for clause in clauses)
    rearmed = every if scene.rearmed or world.trades else frozenset[int]()
    return play(order, world.situation(fills, rearmed, _trader(order, world)))


def _trader(order: Order, world: World) -> int:
    """The clause that made the trades of which the facts speak: the one that would trade without them."""
    if not world.trades or len(order.clauses) == 1:
        return 0
    clause = play(order, world.without_trades().situation()).clause
    return NEUTRAL if clause is None else clause


def _outcome(played: Play) -> Effect:
    trade = played.trade
    if trade is None:
        return ()
    return trade.side, trade.sold, trade.bought, _rounded(trade.worth), _rounded(trade.min_profit)


def _rounded(amount: Decimal) -> Decimal:
    return _DIGITS.plus(_NOISE.plus(amount))


def _wealth(orders: Sequence[Order]) -> Decimal:
    """Quote tokens of each token, so that every size can be traded a few times."""
    sizes = [_MIN_WEALTH]
    for part in parts(tuple((order.clauses, order.only_while) for order in orders)):
        match part:
            case Worth(worth):
                sizes.append(worth)
            case Coins(number):
                sizes.append(number * max(plain_price(coin) for order in orders for coin in coins_of(order)))
            case Constant(value, of) if of.kind is Kind.QUOTE:
                sizes.append(abs(value))
    sizes += [limit for order in orders for limit in (order.reserve, order.max_trade, order.max_day) if limit]
    return 7 * max(sizes)


# ------------------------------------------------------------ the scenes of one order


def _scenes(order: Order, plain: World, coins: tuple[Symbol, ...]) -> Iterator[Scene]:
    """Each clause in turn: where it trades, and then what is just enough to keep it from that."""
    firing = [_firing(order, index, plain) for index in range(len(order.clauses))]
    yield from firing
    if (both := _all_at_once(order, plain)) is not None:
        yield Scene(both)
    per_clause = [_beside_clause(order, index, scene, coins) for index, scene in enumerate(firing)]
    for turn in zip_longest(*per_clause):
        yield from (scene for scene in turn if scene is not None)


def _firing(order: Order, index: int, world: World) -> Scene:
    """A scene in which this clause trades; the nearest that was found if it does in none."""
    clause = order.clauses[index]
    wanted = [one for one in (clause.when, order.only_while) if one is not None]
    for _ in range(_PASSES):
        for condition in wanted:
            world = satisfied(condition, world) or world
        for limit in thresholds(order, clause, None, allowing=True):
            world = satisfied(limit, world) or world
        world = paying(order, clause, world)
        for trades in range(index + 1):  # those that would trade first have done so
            scene = Scene(world, world, trades, _LONG_AGO, rearmed=True) if trades else Scene(world)
            if play_scene(order, scene).clause == index:
                return scene
        for earlier in order.clauses[:index]:
            if earlier.when is not None and holds(earlier.when, world) is not False:
                world = satisfied(earlier.when, world, wanted=False) or world
    return Scene(world)


def _size(order: Order, index: int, scene: Scene) -> Decimal | None:
    """The quote tokens of the trade of a clause in this scene, if it makes one."""
    played = play_scene(order, scene)
    return played.trade.worth if played.trade is not None and played.clause == index else None


def _all_at_once(order: Order, world: World) -> World | None:
    conditions = [clause.when for clause in order.clauses if clause.when is not None]
    if len(conditions) < 2:
        return None
    for _ in range(_PASSES):
        for condition in conditions:
            world = satisfied(condition, world) or world
    return world


def _beside_clause(order: Order, index: int, scene: Scene, coins: tuple[Symbol, ...]) -> Iterator[Scene]:
    clause, world = order.clauses[index], scene.world
    conditions = [*simple(clause.when), *simple(order.only_while)]
    limits = list(thresholds(order, clause, _size(order, index, scene)))
    yield from (replace(scene, world=one) for one in _around(conditions, world, first=True))
    yield from _later(clause, scene)
    yield from (replace(scene, world=one) for one in _around(limits, world, first=True))
    others = chain(
        _ends(clause, world),
        paying_around(order, clause, world),
        _richer(world, coins),
        _choices(clause, order, world),
        _around(conditions, world, first=False),
    )
    yield from (replace(scene, world=one) for one in others)


def _around(conditions: Sequence[Simple], world: World, *, first: bool) -> Iterator[World]:
    """Just below, at and just above each threshold, by its first fact alone; or else by each of the others."""
    for condition in conditions:
        if isinstance(condition, Compare):
            known = all_drivers(condition, world)
            for driver in known[:1] if first else known[1:4]:
                for steps in (0, -1, 1) if first else (-1, 1):
                    if (found := beside(condition, world, driver, steps)) is not None:
                        yield found
        elif first:
            rows = (row(condition, world, complete=whole) for whole in (True, False))
            yield from (one for one in (*rows, row(condition, world, complete=False, equal=True)) if one is not None)


def _later(clause: Clause, scene: Scene) -> Iterator[Scene]:
    """After trades of this clause, as often and as long ago as its limits allow, and just not."""

    def after(trades: int, ago: int, *, rearmed: bool = True) -> Scene:
        return Scene(scene.world, scene.world, scene.count + trades, ago, rearmed)

    yield after(1, _LONG_AGO, rearmed=False)
    yield after(1, _LONG_AGO)
    every = [clause.every] if clause.every is not None else []
    count = clause.times or 0
    if clause.slices is not None:
        every.append(-(-clause.slices.span // clause.slices.parts))
        count = clause.slices.parts
    for seconds in every:
        yield from (after(1, seconds - early) for early in (1, 0))
    yield from (after(trades, _LONG_AGO) for trades in (count - 1, count) if trades > 1)


def _ends(clause: Clause, world: World) -> Iterator[World]:
    """Just before and after its end."""
    if clause.until is not None:
        yield from (replace(world, time=clause.until + late) for late in (0, 1))
    if clause.lasting is not None:
        yield from (world.having(Fact.SINCE_SET, Decimal(clause.lasting + late)) for late in (0, 1))


def _richer(world: World, coins: tuple[Symbol, ...]) -> Iterator[World]:
    """Other holdings, other prices, and nothing to spend or to sell."""
    held = [Holding(coin) for coin in (world.quote, *coins)]
    for factor in (Decimal("0.37"), Decimal("0.0011")):
        yield _times_facts(world, held, factor)
    for driver in held:
        yield world.having(driver, Decimal(0))
    prices = [driver for driver in world.facts if _is_price(driver)]
    yield _times_facts(world, prices, Decimal("1.0873"))


def _is_price(driver: Driver) -> bool:
    if isinstance(driver, Window):
        return driver.statistic is not Statistic.RSI
    return isinstance(driver, Price | PriceAgo | Entry | High | PriceWhenSet)


def _times_facts(world: World, which: Sequence[Driver], factor: Decimal) -> World:
    return replace(world, facts={**world.facts, **{one: world.facts.get(one, Decimal(0)) * factor for one in which}})


def _choices(clause: Clause, order: Order, world: World) -> Iterator[World]:
    """Each coin of a choice as the one that is chosen."""
    choices = [part for part in parts((clause, order.only_while)) if isinstance(part, Best | Largest | FirstHeld)]
    for choice in dict.fromkeys(choices):
        for coin in choice.coins:
            yield _choosing(choice, coin, world)


def _choosing(choice: Coin, coin: Symbol, world: World) -> World:
    match choice:
        case Best(_, ago):
            driver: Driver = PriceAgo(coin, ago)
            return world.having(driver, world.facts.get(driver, plain_price(coin)) * Decimal("0.9"))
        case Largest():
            return world.having(Holding(coin), world.facts.get(Holding(coin), Decimal(0)) * 3)
        case FirstHeld(coins):
            for other in coins[: coins.index(coin)]:
                world = world.having(Holding(other), Decimal(0))
    return world
