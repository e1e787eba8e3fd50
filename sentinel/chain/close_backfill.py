"""Fill the gaps of the closes from past blocks, as far back as the node has state: newest gap first.

In the last 15 minutes every block is read, before that one a minute. Headers are known to every node, so the blocks of
past minutes are found by search in their timestamps; prices need the state of the block, of which a full node keeps
128 blocks and an archive node all. The first read that fails ends the run, because older blocks would fail too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import structlog

from sentinel.chain.close_history import FULL, MINUTE, CloseHistory, is_gap
from sentinel.chain.heads import heads_by_number, parse_head
from sentinel.chain.rpc import Endpoint
from sentinel.core.closes import WEEK, Close
from sentinel.core.errors import HeadGone, RpcError, Unavailable
from sentinel.core.market_state import Head
from sentinel.core.network import HexHash

log = structlog.get_logger("sentinel.chain.closes")

MAX_READS = 11_000  # blocks whose prices are read in one run: a week of minutes, and the last 15 minutes in full
CHUNK = 8  # blocks read at once
PAUSE = 1.0  # seconds between chunks, so that the node's answers to the cycles stay quick
_PROGRESS = 1_000  # reads between two log lines
_ROUNDS = 100  # of a search by time; every third halves the range


@dataclass(frozen=True, slots=True)
class Filled:
    """How a run ended."""

    added: int  # closes
    reads: int
    pruned_below: int  # no node has the state of this block and of earlier ones; 0 if that did not come up
    error: str = ""  # empty if all gaps were dealt with


async def drop_orphans(rpc: Endpoint, history: CloseHistory, head: Head) -> int:
    """Remove the closes of blocks that a reorg replaced while no process was running. Returns how many.

    Hashes are compared by halving, because a block on our chain has all its ancestors there. Raises RpcError.
    """
    before = len(history.closes)
    if before and history.closes[-1].number > head.number:
        history.rewind(head.number + 1)
    low, high = -1, len(history.closes) - 1  # the close at `low` is on our chain, all after `high` are not
    middle = high  # in nearly all cases the newest is
    while low < high:
        close = history.closes[middle]
        if await _on_chain(rpc, close):
            low = middle
        else:
            high = middle - 1
        middle = (low + high + 1) // 2
    if high < len(history.closes) - 1:
        history.rewind(history.closes[high + 1].number)
    return before - len(history.closes)


async def _on_chain(rpc: Endpoint, close: Close) -> bool:
    """Whether the node has this block; also if it has pruned its header, since such an old block is not replaced."""
    (reply,) = await rpc.batch([("eth_getBlockByNumber", [hex(close.number), False])])
    if isinstance(reply, RpcError):
        raise reply
    return reply is None or parse_head(reply).hash == close.hash


class CloseBackfill:
    """Fills the gaps of `history`. `add_past` reads the prices of a block into it; see `MarketReader.add_past`."""

    def __init__(
        self,
        rpc: Endpoint,
        add_past: Callable[[Head], Awaitable[bool]],
        history: CloseHistory,
        *,
        max_reads: int = MAX_READS,
        pause: float = PAUSE,
    ) -> None:
        self._rpc = rpc
        self._add_past = add_past
        self._history = history
        self._max_reads = max_reads
        self._pause = pause
        self._added = self._reads = 0

    async def run(self, above: int = 0) -> Filled:
        """Fill the gaps whose blocks are above block `above`. Errors of the node end the run and are not raised."""
        self._added = self._reads = 0
        pruned, failure, since = 0, "", self._history.reorgs
        if self._history.closes:
            newest = self._history.closes[-1].time
            try:
                for before, after in tuple(gaps(self._history.closes, newest)):
                    if after.number > above + 1:
                        lowest = before or await self._start(after, newest - WEEK - MINUTE)
                        if lowest.number < above:
                            lowest = _place((await heads_by_number(self._rpc, [above]))[0])
                        await self._fill(lowest, after, newest)
            except _Missing as error:
                failure = str(error)
                pruned = error.number if since == self._history.reorgs else 0  # a reorg takes blocks away too
            except Unavailable as error:
                failure = str(error)[:200] or type(error).__name__
        log.info("closes.backfilled", added=self._added, reads=self._reads, error=failure)
        return Filled(self._added, self._reads, pruned, failure)

    async def _fill(self, before: Close, after: Close, newest: int) -> None:
        edge = await self._fill_blocks(before, after, newest) if after.time > newest - FULL else after
        first = max(before.time // MINUTE + 1, (newest - WEEK) // MINUTE - 1)
        while (last := edge.time // MINUTE - 1) >= first and edge.number > before.number + 1:
            minutes = range(last, max(first, last - CHUNK + 1) - 1, -1)
            heads = await self._last_blocks([minute * MINUTE + MINUTE - 1 for minute in minutes], before, edge)
            await self._read([block for block in heads if block.number > before.number])
            edge = _place(heads[-1])  # in an earlier minute than the last of these if the chain stood still then

    async def _fill_blocks(self, before: Close, after: Close, newest: int) -> Close:
        """Read each block of the last 15 minutes between the two, and the one before them. Returns the lowest one."""
        edge, horizon = after, newest - FULL
        while edge.number > before.number + 1 and edge.time > horizon:
            heads = await heads_by_number(
                self._rpc, range(max(before.number + 1, edge.number - CHUNK), edge.number + 1)
            )
            if heads[-1].hash != edge.hash or any(b.parent_hash != a.hash for a, b in pairwise(heads)):
                raise Unavailable(f"block {edge.number} was replaced by a reorg during the backfill")
            older = [(a, b) for a, b in pairwise(heads) if b.timestamp > horizon]
            await self._read([a for a, b in reversed(older) if a.timestamp < b.timestamp])
            edge = _place(older[0][0])
        return edge

    async def _read(self, heads: Sequence[Head]) -> None:
        """Read the prices of these blocks, the newest of which comes first."""
        for start in range(0, len(heads), CHUNK):
            chunk = heads[start : start + CHUNK]
            if self._reads + len(chunk) > self._max_reads:
                raise Unavailable(f"the bound of {self._max_reads} reads of a run is reached")
            results = await asyncio.gather(*(self._add_past(block) for block in chunk), return_exceptions=True)
            if (self._reads + len(chunk)) // _PROGRESS > self._reads // _PROGRESS:
                log.info("closes.backfill_progress", reads=self._reads + len(chunk), number=chunk[-1].number)
            self._reads += len(chunk)
            self._added += sum(result is True for result in results)
            for block, result in zip(chunk, results, strict=True):
                if isinstance(result, HeadGone):
                    raise _Missing(block.number, result) from result
                if isinstance(result, BaseException):
                    raise result
            await asyncio.sleep(self._pause)

    # ---------------------------------------------------------------- blocks by time

    async def _start(self, after: Close, time: int) -> Close:
        """A block not later than `time`, or the chain's first one."""
        step = 1_000
        while True:
            number = max(0, after.number - step)
            (block,) = await heads_by_number(self._rpc, [number])
            if number == 0 or block.timestamp <= time:
                return _place(block)
            step *= 4

    async def _last_blocks(self, ends: Sequence[int], before: Close, after: Close) -> list[Head]:
        """For each of these descending times, the last block at or before it, between the two blocks.

        The searches share one request a round. They guess by the mean block time twice, then halve, and so on.
        """
        ranges = dict.fromkeys(ends, (before, after))
        heads: dict[int, Head] = {}  # by number
        for turn in range(_ROUNDS):
            guesses = {end: _guess(end, *places, turn) for end, places in ranges.items() if not _adjacent(*places)}
            if not guesses:
                break
            for block in await heads_by_number(self._rpc, sorted(set(guesses.values()) - heads.keys())):
                heads[block.number] = block
            for end, number in guesses.items():
                low, high = ranges[end]
                place = _place(heads[number])
                ranges[end] = (place, high) if place.time <= end else (low, place)
        numbers = {low.number for low, _ in ranges.values()} - heads.keys()
        for block in await heads_by_number(self._rpc, sorted(numbers)) if numbers else ():
            heads[block.number] = block
        return [heads[number] for number in dict.fromkeys(ranges[end][0].number for end in ends)]


class _Missing(Unavailable):
    def __init__(self, number: int, error: HeadGone) -> None:
        super().__init__(f"no endpoint has the state of block {number} and earlier ones: {str(error)[:120]}")
        self.number = number


def gaps(closes: Sequence[Close], newest: int) -> Iterator[tuple[Close | None, Close]]:
    """The neighbours of each gap, newest first; None for the time before the first close.

    Beyond the last 15 minutes a gap is at least one whole minute without a close.
    """
    for after, before in pairwise(reversed(closes)):
        minutes = min(after.time, newest - FULL) // MINUTE - before.time // MINUTE
        if is_gap(before, after.number, after.time) and (after.time > newest - FULL or minutes > 1):
            yield before, after
    if closes[0].number > 0 and closes[0].time // MINUTE > (newest - WEEK) // MINUTE:
        yield None, closes[0]


def _guess(end: int, low: Close, high: Close, turn: int) -> int:
    span = high.number - low.number
    share = 0.5 if turn % 3 == 2 else (end - low.time) / max(1, high.time - low.time)
    return min(high.number - 1, max(low.number + 1, low.number + int(share * span)))


def _adjacent(low: Close, high: Close) -> bool:
    return high.number <= low.number + 1


def _place(block: Head) -> Close:
    return Close(block.number, HexHash(block.hash), block.timestamp, {})
