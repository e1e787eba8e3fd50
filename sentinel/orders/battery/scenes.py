"""One scene of the battery: a made-up world, and what the order has traded before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sentinel.orders.battery.worlds import LONG_AGO, NEUTRAL, World
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.situation import Fill, Situation
from sentinel.orders.typed.order import Order


@dataclass(frozen=True, slots=True)
class Scene:
    """A world, and `count` trades before it: those that the order makes in `before`, one by one.

    The last of them was `ago` seconds ago, the others `apart` seconds.
    """

    world: World
    before: World | None = None
    count: int = 0
    ago: int = 0
    rearmed: bool = False
    apart: int = LONG_AGO

    def answering(self, judgements: Mapping[str, bool]) -> Scene:
        """The same scene with these answers of the student, now and before."""
        before = None if self.before is None else self.before.answering(judgements)
        return replace(self, world=self.world.answering(judgements), before=before)

    @property
    def key(self) -> tuple[object, ...]:
        before = None if self.before is None else self.before.key
        return self.world.key, before, self.count, self.ago, self.rearmed, self.apart


def play_scene(order: Order, scene: Scene) -> Play:
    """What the order does now, after it has traded as it does in the scene's earlier world."""
    return play(order, situation_in(order, scene))


def situation_in(order: Order, scene: Scene) -> Situation:
    """What the order sees now, after it has traded as it does in the scene's earlier world."""
    every = frozenset(range(len(order.clauses)))
    clauses: list[int] = []
    for _ in range(scene.count if scene.before is not None else 0):
        assert scene.before is not None
        earlier = tuple(Fill(scene.before.time - scene.apart, clause) for clause in clauses)
        if (clause := play(order, scene.before.situation(earlier, every)).clause) is None:
            break
        clauses.append(clause)
    world = scene.world
    fills = tuple(Fill(world.time - scene.apart, clause) for clause in clauses[:-1])
    fills += tuple(Fill(world.time - scene.ago, clause) for clause in clauses[-1:])
    rearmed = every if scene.rearmed or world.trades else frozenset[int]()
    return world.situation(fills, rearmed, _trader(order, world))


def _trader(order: Order, world: World) -> int:
    """The clause that made the trades of which the facts speak: the one that would trade without them."""
    if not world.trades or len(order.clauses) == 1:
        return 0
    clause = play(order, world.without_trades().situation()).clause
    return NEUTRAL if clause is None else clause
