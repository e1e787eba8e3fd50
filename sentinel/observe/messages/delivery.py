"""Delivery to one target: a task that sends what its outbox has due, one message at a time, each in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Protocol

from sentinel.observe.logs import Log
from sentinel.observe.messages.outbox import URGENT, Message, Outbox
from sentinel.observe.metrics import Metrics

LOOK = 1.0  # seconds between two looks at what has become due
PATIENCE = 30.0  # seconds that one send may take; a server that answers byte by byte takes for ever


class Recipient(Protocol):
    @property
    def name(self) -> str:
        """Without any secret."""
        ...

    def send(self, title: str, text: str) -> bool:
        """Blocking. Never raises."""
        ...


class Delivery:
    def __init__(
        self,
        target: Recipient,
        metrics: Metrics,
        log: Log,
        every: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        patience: float = PATIENCE,
    ) -> None:
        """`every`: seconds between messages of one kind after a burst; `patience`: seconds for one send."""
        self._target, self._log, self._patience = target, log, patience
        self._results = metrics.notifications
        self._outbox = Outbox(every, clock, lambda why: self._results.labels(why).inc())
        self._some = asyncio.Event()
        self._sending: Message | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"messages {self._target.name}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def put(self, message: Message) -> None:
        self._outbox.put(message)
        self._some.set()

    @property
    def urgent(self) -> bool:
        """Whether a halt or an alarm waits or is being sent."""
        return self._outbox.urgent or (self._sending is not None and self._sending.kind in URGENT)

    async def _run(self) -> None:
        while True:
            while (message := self._outbox.due()) is not None:
                self._sending = message
                await self._send(message)
                self._sending = None
            self._some.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._some.wait(), LOOK)

    async def _send(self, message: Message) -> None:
        sending = _in_a_thread(self._target, message.title, self._outbox.noted(message))
        done, _ = await asyncio.wait({sending}, timeout=self._patience)
        if done and sending.result():
            self._outbox.sent()
            message.sent()
            self._results.labels("sent").inc()
            return
        self._outbox.failed(message)
        self._results.labels("failed").inc()
        self._log.warning("message.failed", target=self._target.name, title=message.title)
        if not done:  # one send at a time: what hangs is waited for, so that the number of threads stays bounded
            await sending


def _in_a_thread(target: Recipient, title: str, text: str) -> asyncio.Future[bool]:
    """In a daemon thread: neither a stop of the service nor the end of the process waits for a foreign server."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[bool] = loop.create_future()

    def done(ok: bool) -> None:
        if not result.done():
            result.set_result(ok)

    def send() -> None:
        ok = target.send(title, text)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for the answer any more
            loop.call_soon_threadsafe(done, ok)

    try:
        threading.Thread(target=send, name=f"message to {target.name}", daemon=True).start()
    except RuntimeError:  # no thread can be started now: the message counts as failed, and is tried again
        done(False)
    return result
