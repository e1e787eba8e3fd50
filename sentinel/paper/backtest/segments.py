"""The contiguous runs of minutes of a price history, each of which a backtest plays on a fresh chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sentinel.core.closes import WEEK
from sentinel.core.errors import OperatorError
from sentinel.market.price_path import MAX_FILLED
from sentinel.paper.backtest.task import MINUTE
from sentinel.prices.bar import text_of
from sentinel.prices.bars import Bar, PriceHistory

LEAST = 2  # minutes of a run: one to look at, one for a trade to be mined in


@dataclass(frozen=True, slots=True)
class Segment:
    """`closes` are one a minute from `start`; `filled` of them keep the close before, because no file has them."""

    start: int  # Unix seconds
    closes: tuple[float, ...]
    before: tuple[float, ...]  # of the minutes before, at most a week, oldest first
    filled: int


def segments(history: PriceHistory, start: int | None, end: int | None) -> tuple[Segment, ...]:
    """The runs between gaps of more than MAX_FILLED minutes, from `start` up to `end` (Unix seconds; None: no bound).

    The minutes before `start` are known to the orders, and not played. Runs of a single minute are left out. Raises
    OperatorError if nothing is left.
    """
    found = tuple(one for run in _runs(history.bars) if (one := _cut(run, start, end)) is not None)
    if not found:
        asked = " to ".join("the end" if at is None else text_of(at) for at in (start, end))
        raise OperatorError(
            f"{history.source.name} has no {LEAST} minutes in a row from {asked}: it has {history.span}"
        )
    return found


def _runs(bars: Sequence[Bar]) -> Iterator[Sequence[Bar]]:
    cuts = [i for i, (one, after) in enumerate(pairwise(bars), 1) if after.time - one.time > (MAX_FILLED + 1) * MINUTE]
    yield from (bars[low:high] for low, high in pairwise([0, *cuts, len(bars)]) if low < high)


def _cut(run: Sequence[Bar], start: int | None, end: int | None) -> Segment | None:
    closes: list[float] = []
    for bar, after in pairwise(run):
        closes += [bar.close] * ((after.time - bar.time) // MINUTE)
    closes.append(run[-1].close)
    first = run[0].time
    low = 0 if start is None else min(max(0, -(-(start - first) // MINUTE)), len(closes))
    high = len(closes) if end is None else min(max(0, -(-(end - first) // MINUTE)), len(closes))
    if high - low < LEAST:
        return None
    begin, beyond = first + low * MINUTE, first + high * MINUTE
    filled = high - low - sum(begin <= bar.time < beyond for bar in run)
    return Segment(begin, tuple(closes[low:high]), tuple(closes[max(0, low - WEEK // MINUTE) : low]), filled)
