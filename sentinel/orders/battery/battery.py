"""The battery: made-up situations on each side of each threshold of some orders, so that what they do tells them apart.

It is built from the orders alone, in a fixed order, and is bounded. Orders that do the same in all of its scenes are
one reading for whoever approves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import chain, zip_longest

from sentinel.orders.battery.scenes import Scene, play_scene
from sentinel.orders.battery.variations import scenes
from sentinel.orders.battery.worlds import plain_price, plain_world
from sentinel.orders.playing.coins import coins_of
from sentinel.orders.playing.player import Play
from sentinel.orders.typed.actions import Coins, Worth
from sentinel.orders.typed.expressions import (
    Constant,
    Kind,
)
from sentinel.orders.typed.judgements import answers_of
from sentinel.orders.typed.order import Order
from sentinel.orders.typed.parts import parts

MAX_SCENES = 240
_DIGITS = Context(prec=4, rounding=ROUND_HALF_EVEN)  # of an amount: differences of 0.1% and more are told apart
_NOISE = Context(prec=20)  # digits in which equal amounts agree, however they are computed
_MIN_WEALTH = Decimal(10_000)

Effect = tuple[object, ...]


def battery(orders: Sequence[Order]) -> tuple[Scene, ...]:
    """At most `MAX_SCENES` scenes; each order has its turn before any has its next."""
    distinct = tuple(dict.fromkeys(orders))
    if not distinct:
        return ()
    coins = tuple(sorted(set().union(*(coins_of(order) for order in distinct)) - {distinct[0].quote}))
    plain = plain_world(distinct, coins, _wealth(distinct))
    turns = zip_longest(*(scenes(order, plain, coins) for order in distinct))
    found: dict[object, Scene] = {}
    for scene in chain([Scene(plain)], (one for turn in turns for one in turn if one is not None)):
        found.setdefault(scene.key, scene)
        if len(found) == MAX_SCENES:
            break
    return tuple(found.values())


def effect(order: Order, scenes: Sequence[Scene]) -> Effect:
    """What the order does in each scene by each answer to what is judged: side, tokens and amounts.

    `max_cost` is policy's, and counts as it stands; so do the phrases, which mean what they say to the student alone.
    """
    answered = (scene.answering(answers) for scene in scenes for answers in answers_of(order.judgements))
    return order.max_cost, order.judgements, *(_outcome(play_scene(order, scene)) for scene in answered)


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
