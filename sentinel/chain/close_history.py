"""The closes of the last week by chain time: every block of the last 15 minutes, and one a minute before that.

Unlike `BlockCloses` it repeats no close for a block that was not read: a gap stays a gap, and each close knows its
time. A close belongs to a block; if a reorg replaces the block, its close goes, from memory and from the file.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Protocol

from sentinel.core.closes import WEEK, Close, CloseSeries
from sentinel.core.market_state import Head
from sentinel.core.network import Symbol

FULL = 900  # seconds of chain time before the newest close in which every block's close is kept
KEPT = WEEK + 600  # seconds; a little more than a week, so that a window of a week begins with a close
MINUTE = 60

_ABSENT = float("nan")  # in a column: the token had no price in this block


class CloseStore(Protocol):
    """Where closes are kept across restarts; `sentinel.chain.close_file.CloseFile`."""

    def load(self) -> Sequence[Close]:
        """All stored closes, by ascending block number."""
        ...

    def write(self, added: Sequence[Close], removed: Sequence[int], everything: Sequence[Close]) -> None:
        """Store `added` and delete the closes of the blocks `removed`; `everything` is what is to be stored then."""
        ...


class NoStore:
    """Keeps nothing."""

    def load(self) -> Sequence[Close]:
        return ()

    def write(self, added: Sequence[Close], removed: Sequence[int], everything: Sequence[Close]) -> None:
        pass


class CloseHistory:
    """Closes in quote tokens per whole token. Times are timestamps of blocks, in seconds.

    `prior` holds closes from before the chain's first block, which are never stored.

    `reorgs` counts rewinds: whoever reads a block's prices notes it first and gives it back with the prices, so that a
    block which a reorg replaced during the read leaves no close. `holes` counts the closes that came after a gap.
    """

    def __init__(self, store: CloseStore | None = None, prior: Mapping[Symbol, CloseSeries] | None = None) -> None:
        self._store: CloseStore = store or NoStore()
        self._prior = dict(prior or {})
        self._closes: list[Close] = []  # ascending by number and by time, as are the columns
        self._times: list[int] = []
        self._prices: dict[Symbol, list[float]] = {}
        self._absent: dict[Symbol, int] = {}  # blocks without a price
        self._thinned = 0  # the closes before this index are one a minute
        self._snapshot: tuple[int, Mapping[Symbol, CloseSeries]] | None = None  # by the number of its last block
        self.reorgs = 0
        self.holes = 0
        for close in self._store.load():
            if not self._closes or (close.number > self._closes[-1].number and close.time > self._closes[-1].time):
                self._put(len(self._closes), close)

    @property
    def closes(self) -> Sequence[Close]:
        """All closes, by ascending block number. NOTE: it is the list itself, to be read only."""
        return self._closes

    def record(self, head: Head, prices: Mapping[Symbol, float], since: int | None = None) -> None:
        """Add the close of the newest block.

        Does nothing if this block is known already, or if there was a reorg since `reorgs` was `since`. Closes of
        blocks that are not older than this one go, as does the close of a parent from another branch.
        """
        if (since is not None and since != self.reorgs) or self._known(head):
            return
        keep = self._from_number(head.number)
        if (
            keep
            and self._closes[keep - 1].number == head.number - 1
            and self._closes[keep - 1].hash != head.parent_hash
        ):
            keep -= 1
        removed = self._cut(min(keep, bisect_left(self._times, head.timestamp)))
        if self._closes and is_gap(self._closes[-1], head.number, head.timestamp):
            self.holes += 1
        close = Close(head.number, head.hash, head.timestamp, dict(prices))
        self._put(len(self._closes), close)
        removed += self._thin()
        self._store.write((close,), removed, self._closes)

    def insert(self, head: Head, prices: Mapping[Symbol, float], since: int) -> bool:
        """Add the close of an earlier block into a gap, if there was no reorg since `reorgs` was `since`.

        Returns whether it was added. It is not if there is a later close in the same second, or, beyond the last 15
        minutes, in the same minute.
        """
        index = self._from_number(head.number)
        if since != self.reorgs or index == len(self._closes) or self._known(head) or not prices:
            return False
        before, after = self._closes[index - 1] if index else None, self._closes[index]
        if after.time <= head.timestamp or (before is not None and before.time >= head.timestamp):
            return False
        newest, removed = self._times[-1], []
        if head.timestamp <= newest - KEPT:
            return False
        if head.timestamp <= newest - FULL:
            if after.time // MINUTE == head.timestamp // MINUTE:
                return False
            if before is not None and before.time // MINUTE == head.timestamp // MINUTE:
                removed, index = self._drop(index - 1, index), index - 1
        close = Close(head.number, head.hash, head.timestamp, dict(prices))
        self._put(index, close)
        if head.timestamp > newest - FULL:  # which a reorg can bring about where there was one close a minute
            self._thinned = max(0, min(self._thinned, index - 1))
        else:
            self._thinned += index < self._thinned
        self._store.write((close,), removed, self._closes)
        return True

    def rewind(self, number: int) -> None:
        """Remove the closes of block `number` and of all later blocks, because a reorg replaced them."""
        self.reorgs += 1
        if removed := self._cut(self._from_number(number)):
            self._store.write((), removed, self._closes)

    def at(self, head: Head) -> Mapping[Symbol, CloseSeries]:
        """The closes up to `head`, and none of a later block, as values that later changes leave alone."""
        if self._snapshot is None or self._snapshot[0] != head.number:
            self._snapshot = head.number, self._series(self._from_number(head.number + 1))
        return self._snapshot[1]

    # ---------------------------------------------------------------- parts

    def _known(self, head: Head) -> bool:
        index = self._from_number(head.number)
        return index < len(self._closes) and self._closes[index].hash == head.hash

    def _from_number(self, number: int) -> int:
        """The index of the first close of block `number` or later."""
        return bisect_left(self._closes, number, key=lambda close: close.number)

    def _put(self, index: int, close: Close) -> None:
        for symbol in close.prices.keys() - self._prices.keys():
            self._prices[symbol] = [_ABSENT] * len(self._closes)
            self._absent[symbol] = len(self._closes)
        self._closes.insert(index, close)
        self._times.insert(index, close.time)
        for symbol, column in self._prices.items():
            column.insert(index, close.prices.get(symbol, _ABSENT))
            self._absent[symbol] += symbol not in close.prices
        self._snapshot = None

    def _drop(self, start: int, end: int) -> list[int]:
        """Remove the closes of these indices. Returns their blocks."""
        gone = self._closes[start:end]
        for symbol, column in self._prices.items():
            self._absent[symbol] -= sum(symbol not in close.prices for close in gone)
            del column[start:end]
        del self._closes[start:end], self._times[start:end]
        self._thinned -= max(0, min(end, self._thinned) - start)
        self._snapshot = None
        return [close.number for close in gone]

    def _cut(self, index: int) -> list[int]:
        removed = self._drop(index, len(self._closes)) if index < len(self._closes) else []
        self._thinned = max(0, min(self._thinned, index - 1))  # the last close may get a later one in its minute
        return removed

    def _thin(self) -> list[int]:
        """Leave the last close of each minute that is past the last 15 minutes, and none that is past the week."""
        newest = self._times[-1]
        removed: list[int] = []
        if old := bisect_right(self._times, newest - KEPT):
            removed += self._drop(0, old)
        while self._thinned < len(self._times) - 1 and self._times[self._thinned] <= newest - FULL:
            at = self._thinned
            if self._times[at] // MINUTE == self._times[at + 1] // MINUTE:
                removed += self._drop(at, at + 1)
            else:
                self._thinned += 1
        return removed

    def _series(self, end: int) -> Mapping[Symbol, CloseSeries]:
        """The closes before index `end`. Tokens that are priced in all blocks share one tuple of times."""
        whole = end == len(self._times)
        times = tuple(self._times) if whole else tuple(self._times[:end])
        series: dict[Symbol, CloseSeries] = {}
        for symbol, column in self._prices.items():
            prices = tuple(column) if whole else tuple(column[:end])
            series[symbol] = CloseSeries(times, prices)
            if self._absent[symbol]:
                pairs = [(time, price) for time, price in zip(times, prices, strict=True) if price == price]
                series[symbol] = CloseSeries(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))
        return {symbol: _joined(self._prior.get(symbol), series.get(symbol)) for symbol in self._prior.keys() | series}


def is_gap(before: Close, number: int, time: int) -> bool:
    """Whether closes are missing between `before` and block `number`. Blocks of one second have one close."""
    return number > before.number + 1 and time > before.time + 1


def spaced(closes: Mapping[Symbol, Sequence[float]], head: Head, block_time: float) -> Mapping[Symbol, CloseSeries]:
    """Closes of before block 0, oldest first, with the times of blocks that came every `block_time` seconds."""
    every = max(1, round(block_time))
    end = head.timestamp - every * head.number
    return {
        symbol: CloseSeries(tuple(range(end - every * len(prices), end, every)), tuple(prices))
        for symbol, prices in closes.items()
    }


def _joined(prior: CloseSeries | None, own: CloseSeries | None) -> CloseSeries:
    if prior is None or own is None:
        return own or prior or CloseSeries()
    end = bisect_left(prior.times, own.times[0]) if own.times else len(prior.times)
    return CloseSeries(prior.times[:end] + own.times, prior.prices[:end] + own.prices)
