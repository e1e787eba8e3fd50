"""How far a model's view may go: the operator's bounds, outside the model. Pure integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sentinel.core.network import Symbol
from sentinel.core.units import BPS

Weights = Mapping[Symbol, int]  # bps of equity, summing to 10,000; a token not named has 0


@dataclass(frozen=True, slots=True)
class ViewBounds:
    """All in bps of equity."""

    max_step_bps: int = BPS  # most that one view may change a token's weight
    min_bps: Mapping[Symbol, int] = field(default_factory=dict)  # not named: 0
    max_bps: Mapping[Symbol, int] = field(default_factory=dict)  # not named: 10,000

    def clamp(self, wanted: Weights, before: Weights) -> dict[Symbol, int]:
        """The point nearest to `wanted`, on the straight way from `before` to it, that every bound permits.

        Where `before` keeps `least` and `most`, so does what is returned; otherwise no weight moves further out.
        """
        names = sorted({*wanted, *before})
        moves = {name: wanted.get(name, 0) - before.get(name, 0) for name in names}
        far, all_of_it = 1, 1  # the way is gone by far / all_of_it
        for name, move in moves.items():
            if move and (room := self._room(name, move, before.get(name, 0))) * all_of_it < far * abs(move):
                far, all_of_it = room, abs(move)
        gone = {name: (abs(move) * far // all_of_it) * (1 if move > 0 else -1) for name, move in moves.items()}
        over = sum(gone.values())  # rounding; what is too much is taken off the moves of that sign
        for name in names:
            if over and gone[name] * over > 0:
                less = min(abs(over), abs(gone[name])) * (1 if over > 0 else -1)
                gone[name], over = gone[name] - less, over - less
        return {name: before.get(name, 0) + gone[name] for name in names}

    def _room(self, name: Symbol, move: int, now: int) -> int:
        edge = self.max_bps.get(name, BPS) - now if move > 0 else now - self.min_bps.get(name, 0)
        return max(0, min(self.max_step_bps, edge))
