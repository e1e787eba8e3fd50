"""What the executor asks of the outside: where its bytes go, and whom it tells."""

from __future__ import annotations

from typing import Protocol

from sentinel.core.transaction import Attempt, Intent, Settled
from sentinel.execute.broadcast import BroadcastReply


class BroadcastPort(Protocol):
    """How signed bytes leave the house."""

    @property
    def way(self) -> str:
        """By which the first bytes of a new intent go; the later ones follow."""
        ...

    async def send(self, raw: bytes, way: str) -> BroadcastReply:
        """Once, never repeated in silence. Never raises: any failure is an answer (I6)."""
        ...


class ExecutionObserver(Protocol):
    """Told of everything; it decides nothing and must not raise."""

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
