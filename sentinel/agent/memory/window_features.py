"""The features of a market window: the shape, trend and size of its moves. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WINDOW = 16  # moves in a window, one per block
AHEAD = 8  # blocks after a window, over which `return_after` is measured
SIZE = WINDOW + 2  # number of features

_STILL = 1e-7  # log return per block; anything smaller counts as no move
_FAR = 3.0


@dataclass(frozen=True, slots=True)
class Window:
    """A window that ended `AHEAD` blocks before the last close of the history it was taken from."""

    features: tuple[float, ...]
    return_after: float  # fraction


def present(closes: Sequence[float]) -> tuple[float, ...] | None:
    """The features of the last WINDOW moves. None if fewer closes are known, or if one is not a price.

    The first WINDOW features are the log returns minus their mean, divided by their deviation and scaled to length 1.
    Then come the mean divided by the deviation, between -3 and 3, and the decimal logarithm of the deviation. The
    euclidean distance therefore compares the shape first, then trend and size.
    """
    last = closes[-WINDOW - 1 :]
    if len(last) <= WINDOW or not all(math.isfinite(close) and close > 0 for close in last):
        return None
    moves = [math.log(now / before) for before, now in pairwise(last)]
    mean = math.fsum(moves) / WINDOW
    deviation = math.sqrt(math.fsum((move - mean) ** 2 for move in moves) / WINDOW)
    if deviation < _STILL:
        trend = 0.0 if abs(mean) < _STILL else math.copysign(_FAR, mean)
        return (*[0.0] * WINDOW, trend, math.log10(_STILL))
    shape = ((move - mean) / deviation / math.sqrt(WINDOW) for move in moves)
    return (*shape, max(-_FAR, min(_FAR, mean / deviation)), math.log10(deviation))


def finished(closes: Sequence[float]) -> Window | None:
    """The newest window of `closes` that has AHEAD closes after it. None if there is none."""
    if len(closes) <= AHEAD:
        return None
    features = present(closes[:-AHEAD])
    now, then = closes[-1], closes[-AHEAD - 1]
    if features is None or not (math.isfinite(now) and now > 0):
        return None
    return Window(features, now / then - 1)
