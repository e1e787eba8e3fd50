"""A thread with a read-only connection to the journal, so that no page holds up the event loop or the writer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sentinel.core.network import Address, Network
from sentinel.journal.browsing import Browsing
from sentinel.journal.journal import VERSION, Journal
from sentinel.journal.ledger import Ledger

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """The journal as the thread reads it. Not for any other thread."""

    journal: Journal
    browsing: Browsing


class JournalThread:
    """Opens the file with the first question. One question is answered at a time."""

    def __init__(self, path: Path, network: Network, wallet: Address, genesis: str) -> None:
        self._path, self._network, self._wallet, self._genesis = path, network, wallet, genesis
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="page")
        self._opened: Opened | None = None

    async def ask(self, question: Callable[[Opened], T]) -> T:
        """The answer of `question`, which runs in the thread. Raises JournalError, and what the question raises."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._answer, question)

    async def close(self) -> None:
        """Close the connection, in its thread, after the running question."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        self._executor.shutdown(wait=False)

    def _answer(self, question: Callable[[Opened], T]) -> T:
        if self._opened is None:
            ledger = Ledger(self._path, "", VERSION, read_only=True)
            journal = Journal(ledger, self._network, self._wallet, self._genesis)
            self._opened = Opened(journal, Browsing(ledger))
        return question(self._opened)

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.journal.close()
            self._opened = None
