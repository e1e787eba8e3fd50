"""The vote of readings: those that would do the same in every scene of their battery are one reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sentinel.orders.battery.battery import battery, effect
from sentinel.orders.battery.scenes import Scene, play_scene
from sentinel.orders.language.reading import Reading
from sentinel.orders.language.words import percent
from sentinel.orders.playing.player import Play
from sentinel.orders.typed.order import Order

SHOWN = 3  # differences of two groups


@dataclass(frozen=True, slots=True)
class Group:
    """Readings of one meaning. `share`: of all readings that were given."""

    reading: Reading  # the one that was drawn most often; among equals the first
    votes: int
    share: float


def groups(readings: Sequence[Reading]) -> list[Group]:
    """The largest first; among equals the one that was drawn first. Each question and each refusal is a group."""
    orders = [one for one in readings if isinstance(one, Order)]
    scenes = battery(orders)
    effects = {order: (order.quote, effect(order, scenes)) for order in dict.fromkeys(orders)}
    members: dict[object, list[Reading]] = {}
    for one in readings:
        members.setdefault(effects[one] if isinstance(one, Order) else one, []).append(one)
    found = [Group(max(same, key=same.count), len(same), len(same) / len(readings)) for same in members.values()]
    return sorted(found, key=lambda group: -group.votes)


def differences(one: Order, other: Order) -> tuple[str, ...]:
    """What each would do where they first differ, with the numbers, one sentence a situation."""
    return tuple(_differences(one, other, battery([one, other])))[:SHOWN]


def _differences(one: Order, other: Order, scenes: Sequence[Scene]) -> Iterator[str]:
    if one.max_cost != other.max_cost:
        yield f"the first accepts costs of {_costs(one)}, the other of {_costs(other)}"
    if one.judgements != other.judgements:
        yield f"the student judges {_listed(one.judgements)} for the first, {_listed(other.judgements)} for the other"
    for scene in scenes:
        if effect(one, [scene]) != effect(other, [scene]):
            first, second = _said(play_scene(one, scene)), _said(play_scene(other, scene))
            if first != second:
                yield f"the first: {first}. The other: {second}."


def _said(played: Play) -> str:
    return played.why if played.trade is not None else f"nothing ({played.why})"


def _listed(phrases: tuple[str, ...]) -> str:
    return " and ".join(f'"{phrase}"' for phrase in phrases) or "nothing"


def _costs(order: Order) -> str:
    return "the settings' limit" if order.max_cost is None else percent(order.max_cost)
