"""Whether the daemon continues, stops, or is forced to stop.

It is made before everything else, and every part checks it before it begins new work.
"""

from __future__ import annotations

import asyncio


class Lifecycle:
    """`stop` cannot be undone, and neither can `force`, which ends the wait for running work."""

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
        """Take no new heads. The running cycle finishes, and holds if nothing is sent yet (I26). Returns at once."""
        self._stop.set()

    def force(self) -> None:
        self._force.set()

    async def until_stopping(self) -> None:
        await self._stop.wait()

    async def until_forced(self) -> None:
        await self._force.wait()
