"""Reads an order in the operator's words on a running daemon, by the daemon's own student, while its cycles go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from sentinel.agent.proposing_server import reading_client
from sentinel.agent.read_prompt import one_line_order
from sentinel.agent.reader import Reader, ReadingSampler
from sentinel.agent.reading_report import reading_report
from sentinel.config.settings import Settings
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.core.network import Network
from sentinel.daemon.approved_order import require_own
from sentinel.daemon.parts import Parts

GROUPING = 30.0  # seconds beyond the student's own timeout: grounding, grouping and comparing the readings
STOPPING = "the daemon is stopping"


def bound(settings: Settings) -> float:
    """Seconds that one reading takes at most."""
    return settings.reading.timeout + GROUPING


@dataclass(slots=True)
class OrderReadings:
    """One reading at a time. The last one is remembered, so that an approval names what this daemon has read."""

    connect: Callable[[Settings], AbstractAsyncContextManager[ReadingSampler]] = reading_client
    _busy: bool = False
    _report: asyncio.Future[dict[str, Any]] | None = None  # a thread, which goes on when nobody waits for it any more
    _words: str = ""
    _hashes: frozenset[str] = frozenset()  # of the readings that were shown for these words and may be approved

    @property
    def busy(self) -> bool:
        """Whether a reading is under way, be it one that nobody waits for any more."""
        return self._busy or (self._report is not None and not self._report.done())

    async def read(self, words: str, parts: Parts) -> dict[str, Any]:
        """What the words mean to the student (`reading_report`). Nothing is journaled or approved.

        Raises OperatorError: no student answers, stopping, another reading under way, no answer in time, odd words.
        """
        settings = parts.settings
        require_own(settings, settings.strategy.order_hash or None)
        if parts.lifecycle.stopping:
            raise OperatorError(STOPPING)
        if self.busy:
            raise OperatorError("another order is being read: try again when it is done")
        self._busy, self._words, self._hashes = True, "", frozenset()
        try:
            report = await self._bounded(words, parts)
        finally:
            self._busy = False
        if report["can_approve"]:
            self._words = report["words"]
            self._hashes = frozenset(group["hash"] for group in report["groups"] if "hash" in group)
        return report

    def has_read(self, words: str, digest: str) -> bool:
        """Whether this order is one of those that were read from exactly these words, last."""
        return bool(words) and words == self._words and digest in self._hashes

    async def _bounded(self, words: str, parts: Parts) -> dict[str, Any]:
        """The report, unless the daemon stops or the time ends before."""
        reading = asyncio.create_task(self._read(words, parts.settings, parts.network))
        stopping = asyncio.create_task(parts.lifecycle.until_stopping())
        most = bound(parts.settings)
        try:
            await asyncio.wait({reading, stopping}, timeout=most, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                return reading.result()
            raise OperatorError(STOPPING if stopping.done() else f"the student gave no readings within {most:g} s")
        finally:
            reading.cancel()
            stopping.cancel()

    async def _read(self, words: str, settings: Settings, network: Network) -> dict[str, Any]:
        one_line_order(words)  # refused before anything is asked
        try:
            async with self.connect(settings) as student:
                reader = Reader.of(student, settings.reading, network)
                line, drawn = await reader.drawn(words)
        except ModelUnavailable as error:
            raise OperatorError(
                f"no student answers at {settings.proposer_url or settings.model.url} to read these words "
                f"({error}): start it with deploy/vllm/serve-student.sh"
            ) from error
        self._report = asyncio.ensure_future(asyncio.to_thread(lambda: reading_report(reader.judged(line, drawn))))
        return await asyncio.shield(self._report)
