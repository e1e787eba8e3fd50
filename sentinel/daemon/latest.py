"""A slot that holds the newest value only: readers that are slow miss what came between, and never queue it."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """One writer, any number of readers, one event loop."""

    def __init__(self, value: T | None = None) -> None:
        """`value`: the first one, where there is one already."""
        self._value = value
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def value(self) -> T:
        """The newest. Raises LookupError before the first."""
        if self._value is None:
            raise LookupError("nothing has come yet")
        return self._value

    def put(self, value: T) -> None:
        self._value = value
        self._wake()

    def close(self) -> None:
        """Every reader's next `after` returns None."""
        self._closed = True
        self._wake()

    async def after(self, seen: T | None) -> T | None:
        """The newest value once it is another one than `seen` (by equality); None once closed."""
        while not self._closed:
            if self._value is not None and self._value != seen:
                return self._value
            await self._changed.wait()
        return None

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
