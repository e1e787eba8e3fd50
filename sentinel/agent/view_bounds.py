"""The operator's bounds on a model's view, enforced outside the model. Pure, in integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sentinel.core.network import Symbol
from sentinel.core.units import BPS

Weights = Mapping[Symbol, int]  # bps of equity, summing to 10,000; a token not named has 0


@dataclass(frozen=True, slots=True)
class ViewBounds:
    """The bounds of each token's weight, in bps of equity."""

    max_step_bps: int = BPS  # maximum change of one token's weight by one view
    min_bps: Mapping[Symbol, int] = field(default_factory=dict)  # 0 for a token not named
    max_bps: Mapping[Symbol, int] = field(default_factory=dict)  # 10,000 for a token not named

    def clamp(self, wanted: Weights, before: Weights) -> dict[Symbol, int]:
        """The weights nearest to `wanted` on the straight line from `before` to it that every bound permits.

        If `before` is within `min_bps` and `max_bps`, so is the result. Otherwise no weight moves further outside.
        """
        names = sorted({*wanted, *before})
        moves = {name: wanted.get(name, 0) - before.get(name, 0) for name in names}
        numerator, denominator = 1, 1  # the permitted fraction of every move
        for name, move in moves.items():
            if move and (room := self._room(name, move, before.get(name, 0))) * denominator < numerator * abs(move):
                numerator, denominator = room, abs(move)
        changes = {
            name: (abs(move) * numerator // denominator) * (1 if move > 0 else -1) for name, move in moves.items()
        }
        excess = sum(changes.values())  # from rounding; it is subtracted from changes of the same sign
        for name in names:
            if excess and changes[name] * excess > 0:
                correction = min(abs(excess), abs(changes[name])) * (1 if excess > 0 else -1)
                changes[name], excess = changes[name] - correction, excess - correction
        return {name: before.get(name, 0) + changes[name] for name in names}

    def _room(self, name: Symbol, move: int, now: int) -> int:
        """How far the weight `now` may change in the direction of `move`, in bps."""
        distance = self.max_bps.get(name, BPS) - now if move > 0 else now - self.min_bps.get(name, 0)
        return max(0, min(self.max_step_bps, distance))
