"""Whether the daemon goes on. Made before everything else, and asked by whatever is about to begin something."""

from __future__ import annotations

import asyncio


class Lifecycle:
    """`stop` is final; so is `force`, which gives up waiting for what is still running."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._force = asyncio.Event()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def forced(self) -> bool:
        return self._force.is_set()

    def stop(self) -> None:
        """Take no new heads; the running cycle finishes, and holds where nothing is sent yet (I26). Returns at once."""
        self._stop.set()

    def force(self) -> None:
        self._force.set()

    async def until_stopping(self) -> None:
        await self._stop.wait()

    async def until_forced(self) -> None:
        await self._force.wait()
