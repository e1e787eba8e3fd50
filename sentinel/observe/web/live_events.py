"""Events for open pages: each page has a short queue, and one that does not read misses events instead of memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping

MAX_PAGES = 32  # open at once
MAX_QUEUE = 200  # events of one page
LOST = "lost"  # the event in place of those that a slow page missed


class LiveEvents:
    """Publishes to every open page. One event loop."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str | None]] = set()
        self._closed = False

    def publish(self, kind: str, data: Mapping[str, object]) -> None:
        """Send an event of JSON types. Returns at once."""
        if self._queues:
            self._put(_framed(kind, data))

    @contextlib.contextmanager
    def subscribed(self) -> Iterator[asyncio.Queue[str | None]]:
        """A queue of framed events; None says that no more come. Raises OverflowError if too many pages are open."""
        if len(self._queues) >= MAX_PAGES:
            raise OverflowError(f"{MAX_PAGES} pages are open already: close one")
        queue: asyncio.Queue[str | None] = asyncio.Queue(MAX_QUEUE)
        if self._closed:
            queue.put_nowait(None)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def close(self) -> None:
        """End every subscription."""
        self._closed = True
        self._put(None)

    def _put(self, event: str | None) -> None:
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(_framed(LOST, {}))
            queue.put_nowait(event)


def _framed(kind: str, data: Mapping[str, object]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"
