"""Prefetch of the next head's market state while the cycle still works on the current head.

A state belongs to one block hash, so a cycle is given the state of exactly the head that it asks for, or none.
"""

from __future__ import annotations

import asyncio
import contextlib

from sentinel.core.errors import Unavailable
from sentinel.core.market_state import Head, MarketState
from sentinel.core.ports import Market


class PrefetchingReader:
    """A market reader with one read under way at most; close it after use."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._head: Head | None = None
        self._reading: asyncio.Task[MarketState] | None = None

    def begin(self, head: Head) -> None:
        """Read this head's market now; what was begun for another one is dropped. Never raises."""
        if head == self._head:
            return
        self._drop()
        self._head, self._reading = head, asyncio.create_task(self._market.read(head), name="read ahead")
        self._reading.add_done_callback(_seen)

    async def read(self, head: Head) -> MarketState:
        """Raises as the market's own reader does; a read ahead that failed is tried once more."""
        reading, fits = self._reading, head == self._head
        if reading is None or not fits:
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
        reading = self._reading
        self._drop()
        if reading is not None:
            await asyncio.wait({reading})


def _seen(reading: asyncio.Task[MarketState]) -> None:
    """Nobody may ever ask for this head: an error that is not fetched would be complained about at the end."""
    if not reading.cancelled():
        reading.exception()
