"""The scenes of one order: where each clause trades, and what is just enough to keep it from that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import chain, zip_longest

from sentinel.core.network import Symbol
from sentinel.orders.battery.scenes import Scene, play_scene
from sentinel.orders.battery.solving import Simple, all_drivers, beside, holds, row, satisfied, simple
from sentinel.orders.battery.thresholds import paying, paying_around, thresholds
from sentinel.orders.battery.worlds import LONG_AGO, Driver, World, plain_price
from sentinel.orders.typed.actions import Buy, Exchange, Share, Trim
from sentinel.orders.typed.conditions import Compare, Op
from sentinel.orders.typed.expressions import (
    RATIO,
    Best,
    Coin,
    Constant,
    Entry,
    Fact,
    FirstHeld,
    High,
    Holding,
    Largest,
    Price,
    PriceAgo,
    PriceWhenSet,
    Statistic,
    Weight,
    Window,
    named,
)
from sentinel.orders.typed.order import Clause, Order
from sentinel.orders.typed.parts import parts

_PASSES = 3


def scenes(order: Order, plain: World, coins: tuple[Symbol, ...]) -> Iterator[Scene]:
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
        world = paying(order, clause, _with_room(order, clause, world))
        for scene in _after_others(world, index):
            if play_scene(order, scene).clause == index:
                return scene
        for earlier in order.clauses[:index]:
            world = _without(earlier, world)
    return Scene(world)


def _with_room(order: Order, clause: Clause, world: World) -> World:
    """With nothing held of a coin that is bought and has a largest share, and little to spend a share of."""
    if isinstance(clause.action, Buy | Exchange):
        coin = clause.action.coin if isinstance(clause.action, Buy) else clause.action.bought
        for one in set(named(coin)) & set(dict(order.max_shares)):
            world = world.having(Holding(one), Decimal(0))
        if isinstance(clause.action.amount, Share) and (order.max_shares or order.max_day is not None):
            free = world.facts.get(Holding(order.quote), Decimal(0)) / 50
            fits = free if order.max_day is None else min(free, order.max_day)
            world = world.having(Holding(order.quote), fits + (order.reserve or 0))
    return world


def _without(clause: Clause, world: World) -> World:
    """In which this clause does not trade, if such a one is found."""
    if isinstance(clause.action, Trim):
        limit = Compare(Weight(clause.action.coins), Op.ABOVE, Constant(clause.action.share, RATIO))
        return satisfied(limit, world, wanted=False) or world
    if clause.when is None or holds(clause.when, world) is False:
        return world
    return satisfied(clause.when, world, wanted=False) or world


def _after_others(world: World, count: int) -> Iterator[Scene]:
    """At once, and after up to `count` trades of other clauses, so long ago that all may trade again, or just now."""
    yield Scene(world)
    for trades in range(1, count + 1):
        yield from (Scene(world, world, trades, apart, rearmed=True, apart=apart) for apart in (LONG_AGO, 1))


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
                        yield _kept(conditions, condition, world, found, driver)
        elif first:
            rows = (row(condition, world, complete=whole) for whole in (True, False))
            yield from (one for one in (*rows, row(condition, world, complete=False, equal=True)) if one is not None)


def _kept(conditions: Sequence[Simple], moved: Compare, world: World, found: World, driver: Driver) -> World:
    """`found` with the other conditions as they were in `world`, restored by other facts, if `moved` stays as it is."""
    stays = [Compare(moved.left, op, moved.right) for op in (Op.BELOW, Op.AT_MOST, Op.AT_LEAST, Op.ABOVE)]
    states = [holds(one, found) for one in stays]
    for other in conditions:
        wanted = holds(other, world)
        if other is moved or not isinstance(other, Compare) or wanted is None or holds(other, found) is wanted:
            continue
        steps = 1 if (other.op in (Op.ABOVE, Op.AT_LEAST)) is wanted else -1
        tries = (beside(other, found, one, steps) for one in all_drivers(other, found) if one != driver)
        restored = (one for one in tries if one is not None and [holds(stay, one) for stay in stays] == states)
        found = next(restored, found)
    return found


def _later(clause: Clause, scene: Scene) -> Iterator[Scene]:
    """After trades of this clause, as often and as long ago as its limits allow, and just not."""

    def after(trades: int, ago: int, *, rearmed: bool = True) -> Scene:
        return Scene(scene.world, scene.world, scene.count + trades, ago, rearmed, scene.apart)

    yield after(1, LONG_AGO, rearmed=False)
    yield after(1, LONG_AGO)
    every = [clause.every] if clause.every is not None else []
    count = clause.times or 0
    if clause.slices is not None:
        every.append(-(-clause.slices.span // clause.slices.parts))
        count = clause.slices.parts
    for seconds in every:
        yield from (after(1, seconds - early) for early in (1, 0))
    yield from (after(trades, LONG_AGO) for trades in (count - 1, count) if trades > 1)


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
