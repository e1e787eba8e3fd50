"""Rate limit of messages: a token bucket. Pure, with an injected clock."""

from __future__ import annotations

from collections.abc import Callable


class MessageBudget:
    """Allows `burst` messages at once, then one message per `every` seconds."""

    def __init__(self, burst: int, every: float, clock: Callable[[], float]) -> None:
        self._burst, self._every, self._clock = burst, every, clock
        self._left = float(burst)
        self._at = clock()

    def take(self) -> bool:
        """Take one message from the budget. Returns False if the message must be left out."""
        now = self._clock()
        self._left = min(self._burst, self._left + max(0.0, now - self._at) / self._every)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
