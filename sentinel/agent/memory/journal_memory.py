"""The memory at a block: it is read on demand in its own thread, and its answers for a block do not change.

An answer contains only what was known before the block. It is empty if the memory cannot be read within
`ANSWER_TIMEOUT`, because the agent can decide without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw
import structlog

from sentinel.agent.memory.journal_history import JournalHistory
from sentinel.agent.memory.window_features import present
from sentinel.agent.memory.window_store import MAX_WINDOWS, WindowStore
from sentinel.core.errors import CodeFault, JournalTampered
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol

log = structlog.get_logger("sentinel.agent.memory")

MAX_ITEMS = 16  # windows or trades that are read
ANSWER_TIMEOUT = 1.0  # seconds
BATCH = 32  # records read at once
ROUNDS = 16  # batches per block; rebuilding a lost memory takes many blocks

Item = Mapping[str, float | str]
T = TypeVar("T")


class JournalMemory:
    """The memory of the journal at `journal`, with a cache at `path`. The first block opens it; close it after use."""

    def __init__(self, path: Path, journal: Path, network: Network) -> None:
        self._path, self._journal, self._network = path, journal, network
        self._tokens = [symbol for symbol in sorted(network.tokens) if symbol != network.quote]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="memory")  # it owns both connections
        self._windows: WindowStore | None = None
        self._past: JournalHistory | None = None
        self._following: Future[None] | None = None
        self._last: JournalRecollection | None = None

    def at(self, state: MarketState) -> JournalRecollection:
        """What was known before the state's block; the same object for the same block. Returns without waiting."""
        if self._last is None or self._last.state.head.hash != state.head.hash:
            if self._following is None or self._following.done():
                self._following = self._thread.submit(self._follow)
            self._last = JournalRecollection(self, state)
        return self._last

    def close(self) -> None:
        self._thread.submit(self._close)
        self._thread.shutdown(wait=True)

    # ---------------------------------------------------------------- called by a recollection, from any thread

    def similar(self, state: MarketState, token: Symbol) -> tuple[Item, ...]:
        now, number = present(state.history.get(token, ())), state.head.number
        if now is None or token not in self._tokens:
            return ()
        return self._ask(
            lambda: [_window(number, *row) for row in self._open()[0].nearest(token, now, number, MAX_ITEMS)]
        )

    def recall(self, state: MarketState) -> tuple[Item, ...]:
        return self._ask(lambda: self._open()[1].trades(state.head.number, MAX_ITEMS))

    def last_trade(self, state: MarketState) -> tuple[int, ...] | None:
        """Empty if there was no trade; None if the journal cannot be read."""

        def question() -> list[int]:
            decided = self._open()[1].last_trade(state.head.number)
            return [] if decided is None else [decided]

        return self._answer(question)

    def _ask(self, question: Callable[[], Sequence[Item]]) -> tuple[Item, ...]:
        return self._answer(question) or ()  # the trader continues without memory

    def _answer(self, question: Callable[[], Sequence[T]]) -> tuple[T, ...] | None:
        """None if the memory cannot be read in time."""
        try:
            return tuple(self._thread.submit(question).result(ANSWER_TIMEOUT))
        except Exception as error:
            log.warning("memory.timeout", error=str(error)[:200] or type(error).__name__)
            if isinstance(error, apsw.CorruptError | apsw.SQLError | apsw.NotADBError):
                self._thread.submit(self._forget)
            return None

    # ---------------------------------------------------------------- in the thread

    def _open(self) -> tuple[WindowStore, JournalHistory]:
        if self._past is None:
            self._past = JournalHistory(self._journal, self._network)
        if self._windows is None:
            self._windows = WindowStore(self._path)
        return self._windows, self._past

    def _follow(self) -> None:
        """Read the next part of the journal, of bounded size. Errors are logged."""
        try:
            self._read_on(*self._open())
        except (apsw.Error, JournalTampered) as error:
            log.warning("memory.lost", error=str(error)[:200])
            self._forget()
        except Exception as error:
            log.warning("memory.lagging", error=str(error)[:200] or type(error).__name__)

    def _read_on(self, windows: WindowStore, past: JournalHistory) -> None:
        position = windows.position
        if not past.has_position(position):  # another journal, or a restored one: the memory must match it
            log.warning("memory.rebuilt", reason="it was read from another journal")
            windows.reset()
            position = windows.position
        if position.seq == 0:
            position = past.start(MAX_WINDOWS)
        for _ in range(ROUNDS):
            cycles, end = past.cycles_after(position, BATCH)
            if end == position:
                break
            windows.add(cycles, self._tokens, end)
            position = end

    def _forget(self) -> None:
        """Discard the damaged cache and the connection; the next block starts reading again."""
        try:
            if self._windows is not None:
                self._windows.reset()
        except (apsw.Error, OSError) as error:
            log.warning("memory.unusable", error=str(error)[:200])
            self._windows = None

    def _close(self) -> None:
        if self._windows is not None:
            self._windows.close()
        if self._past is not None:
            self._past.close()


class JournalRecollection:
    """The memory at one block. Equal calls get equal answers, from any thread."""

    def __init__(self, memory: JournalMemory, state: MarketState) -> None:
        self.state = state
        self._memory = memory
        self._lock = threading.Lock()
        self._windows: dict[Symbol, tuple[Item, ...]] = {}
        self._trades: tuple[Item, ...] | None = None
        self._last_trade: tuple[int, ...] | None = None
        self._looked = False  # `last_trade` was asked for, and its answer stays

    def similar(self, token: Symbol, k: int) -> Sequence[Item]:
        """Past windows of the token, the most similar first; none overlaps another or the present."""
        with self._lock:
            if token not in self._windows:
                self._windows[token] = self._memory.similar(self.state, token)
            return self._windows[token][:k]

    def recall(self, k: int) -> Sequence[Item]:
        """Own confirmed trades, newest first."""
        with self._lock:
            if self._trades is None:
                self._trades = self._memory.recall(self.state)
            return self._trades[:k]

    def last_trade(self) -> int | None:
        """Chain time of the newest own trade's decision, None if there is none. Raises CodeFault if it is not known."""
        with self._lock:
            if not self._looked:
                self._last_trade, self._looked = self._memory.last_trade(self.state), True
        if self._last_trade is None:
            raise CodeFault("the journal cannot be read, so it is not known when the last trade was")
        return next(iter(self._last_trade), None)


def _window(number: int, ended: int, after: float, distance: float) -> Item:
    return {"return_after": float(f"{after:.6g}"), "distance": float(f"{distance:.4g}"), "age": number - ended}
