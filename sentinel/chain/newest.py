"""The newest head for a consumer that may be slower than the chain: older ones are counted, never queued."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass

from sentinel.types import Head


@dataclass(frozen=True, slots=True)
class Newest:
    head: Head
    skipped: int  # heads that came and went since the last one that was taken
    reorged_from: int | None  # lowest block number that was replaced since then; None: the chain only grew


class NewestHead:
    def __init__(self) -> None:
        self._last: Head | None = None
        self._waiting = 0
        self._reorged_from: int | None = None
        self._arrived = asyncio.Event()

    @property
    def current(self) -> Head | None:
        """The newest head that was ever put, taken or not."""
        return self._last

    def put(self, head: Head) -> None:
        """Heads in the order in which a HeadStream yields them."""
        if self._last is not None and head.number <= self._last.number:
            self._reorged_from = min(head.number, self._reorged_from or head.number)
        self._last = head
        self._waiting += 1
        self._arrived.set()

    async def feed(self, stream: AsyncIterable[Head]) -> None:
        """Put all heads of `stream`; runs as long as it does."""
        async for head in stream:
            self.put(head)

    async def take(self) -> Newest:
        """Wait for a head that was not taken yet."""
        await self._arrived.wait()
        assert self._last is not None
        newest = Newest(self._last, self._waiting - 1, self._reorged_from)
        self._waiting, self._reorged_from = 0, None
        self._arrived.clear()
        return newest
