"""A slot that holds only the newest value: a slow reader misses the values in between, and nothing is queued."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """One writer, any number of readers, one event loop."""

    def __init__(self, value: T | None = None) -> None:
        """`value` is the first value, if there is one already."""
        self._value = value
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def value(self) -> T:
        """The newest value. Raises LookupError before the first."""
        if self._value is None:
            raise LookupError("there is no value yet")
        return self._value

    def put(self, value: T) -> None:
        self._value = value
        self._wake()

    def close(self) -> None:
        """From now on `after` returns None to every reader."""
        self._closed = True
        self._wake()

    async def after(self, seen: T | None) -> T | None:
        """Wait until the newest value is not equal to `seen`, then return it. Returns None once closed."""
        while not self._closed:
            if self._value is not None and self._value != seen:
                return self._value
            await self._changed.wait()
        return None

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
