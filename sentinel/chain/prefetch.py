"""Prefetch of the next head's market state while the cycle still works on the current head.

A state belongs to one block hash, so a cycle gets a prefetched state only if it is the state of the very head it reads.
"""

from __future__ import annotations

import asyncio
import contextlib

from sentinel.core.errors import Unavailable
from sentinel.core.market_state import Head, MarketState
from sentinel.core.ports import Market


class PrefetchingReader:
    """A market reader that can start the read of one head early. Close it after use."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._head: Head | None = None
        self._reading: asyncio.Task[MarketState] | None = None

    def begin(self, head: Head) -> None:
        """Start to read this head's market as a background task. A read of another head is cancelled. Never raises."""
        if head == self._head:
            return
        self._drop()
        self._head, self._reading = head, asyncio.create_task(self._market.read(head), name="market-prefetch")
        self._reading.add_done_callback(_retrieve_error)

    async def read(self, head: Head) -> MarketState:
        """The market state of `head`, prefetched if `begin` was called with it. A failed prefetch is read once more.

        Raises as the market's own reader does.
        """
        reading = self._reading
        if reading is None or head != self._head:
            self._drop()
            return await self._market.read(head)
        self._head = self._reading = None
        with contextlib.suppress(Unavailable):
            return await reading
        return await self._market.read(head)

    def _drop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._head = self._reading = None

    async def aclose(self) -> None:
        """Cancel the prefetch and wait until it has ended."""
        reading = self._reading
        self._drop()
        if reading is not None:
            await asyncio.wait({reading})


def _retrieve_error(reading: asyncio.Task[MarketState]) -> None:
    """Retrieve the error of a failed prefetch. If no cycle reads this head, asyncio would log it as never retrieved."""
    if not reading.cancelled():
        reading.exception()
