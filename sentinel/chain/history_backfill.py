"""Fill a price history from past blocks before the first cycle, as far back as the node has state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from sentinel.chain.heads import heads_by_number
from sentinel.chain.history import BlockCloses
from sentinel.chain.rpc import Endpoint
from sentinel.core.errors import Unavailable
from sentinel.core.market_state import Head
from sentinel.core.network import Symbol

log = structlog.get_logger("sentinel.chain.history_backfill")

_CHUNK = 32  # blocks requested at once


async def backfill_history(
    rpc: Endpoint, closes_at: Callable[[Head], Awaitable[dict[Symbol, float]]], history: BlockCloses, head: Head
) -> int:
    """Add the closes of up to `history.bars - 1` blocks before `head`. The first cycle adds the close of `head` itself.

    Returns the number of blocks that were read, which is lower if the node has pruned their state. An error of the
    endpoint is logged and not raised, because a daemon without history holds until it has one.
    """
    past_closes: list[tuple[Head, dict[Symbol, float]]] = []
    top = head
    try:
        while len(past_closes) < history.bars - 1 and top.number > 0:
            lowest = max(0, top.number - min(_CHUNK, history.bars - 1 - len(past_closes)))
            blocks = await heads_by_number(rpc, range(lowest, top.number))
            closes = await asyncio.gather(*(closes_at(block) for block in blocks), return_exceptions=True)
            for block, prices in zip(reversed(blocks), reversed(closes), strict=True):
                if isinstance(prices, BaseException):
                    raise prices
                if block.hash != top.parent_hash:
                    raise Unavailable(f"block {block.number} was replaced by a reorg during the backfill")
                past_closes.append((block, prices))
                top = block
    except Unavailable as error:
        log.info("history.backfill_ended", before=top.number, error=str(error)[:200])
    for block, prices in reversed(past_closes):
        history.append(block, prices)
    return len(past_closes)
