"""The executor's ports: the broadcast of signed bytes, and the observer of its events."""

from __future__ import annotations

from typing import Protocol

from sentinel.core.transaction import Attempt, Intent, Settled
from sentinel.execute.broadcast import BroadcastReply


class BroadcastPort(Protocol):
    """Broadcasts signed bytes."""

    @property
    def way(self) -> str:
        """The way of a new intent's first attempt; its later attempts go the same way."""
        ...

    async def send(self, raw: bytes, way: str) -> BroadcastReply:
        """Send once, without a hidden retry. Never raises: every failure is an answer (I6)."""
        ...


class ExecutionObserver(Protocol):
    """Is notified of every event. It decides nothing and must not raise.

    An alarm may be raised at each head while it stands. If it is about an intent, `detail` begins with the intent's id
    and ': ', so that the observer can tell an alarm that stands from a new one.
    """

    def sent(self, intent: Intent, attempt: Attempt, answer: str) -> None: ...

    def settled(self, intent: Intent, settled: Settled, pnl_quote: int) -> None: ...

    def alarm(self, what: str, detail: str) -> None: ...


class NoExecutionObserver:
    def sent(self, intent: Intent, attempt: Attempt, answer: str) -> None:
        pass

    def settled(self, intent: Intent, settled: Settled, pnl_quote: int) -> None:
        pass

    def alarm(self, what: str, detail: str) -> None:
        pass
