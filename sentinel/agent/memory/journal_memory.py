"""Memory at a block: asked lazily, answered by one thread of its own, frozen once answered.

Every answer holds only what was known before the block. Where the memory cannot be read the answer is empty: it is an
aid, and no question waits for it longer than `ANSWER_TIMEOUT`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import apsw
import structlog

from sentinel.agent.memory.journal_history import JournalHistory
from sentinel.agent.memory.window_features import present
from sentinel.agent.memory.window_store import MAX_WINDOWS, WindowStore
from sentinel.core.errors import JournalTampered
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol

log = structlog.get_logger("sentinel.agent.memory")

MAX_ITEMS = 16  # windows or trades that are looked up
ANSWER_TIMEOUT = 1.0  # seconds
BATCH = 32  # records read at once
ROUNDS = 16  # batches a block: a lost memory comes back over many blocks

Item = Mapping[str, float | str]


class JournalMemory:
    """Of the journal at `journal`, whose closes it keeps at `path`. Opened by the first block; close it in the end."""

    def __init__(self, path: Path, journal: Path, network: Network) -> None:
        self._path, self._journal, self._network = path, journal, network
        self._tokens = [symbol for symbol in sorted(network.tokens) if symbol != network.quote]
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="memory")  # both connections belong to it
        self._windows: WindowStore | None = None
        self._past: JournalHistory | None = None
        self._following: Future[None] | None = None
        self._last: JournalRecollection | None = None

    def at(self, state: MarketState) -> JournalRecollection:
        """What was known before the state's block; the same object for the same block. Returns at once."""
        if self._last is None or self._last.state.head.hash != state.head.hash:
            if self._following is None or self._following.done():
                self._following = self._thread.submit(self._follow)
            self._last = JournalRecollection(self, state)
        return self._last

    def close(self) -> None:
        self._thread.submit(self._close)
        self._thread.shutdown(wait=True)

    # ---------------------------------------------------------------- asked by a Recollection, from any thread

    def similar(self, state: MarketState, token: Symbol) -> tuple[Item, ...]:
        now, number = present(state.history.get(token, ())), state.head.number
        if now is None or token not in self._tokens:
            return ()
        return self._ask(
            lambda: [_window(number, *found) for found in self._open()[0].nearest(token, now, number, MAX_ITEMS)]
        )

    def recall(self, state: MarketState) -> tuple[Item, ...]:
        return self._ask(lambda: self._open()[1].trades(state.head.number, MAX_ITEMS))

    def _ask(self, question: Callable[[], Sequence[Item]]) -> tuple[Item, ...]:
        try:
            return tuple(self._thread.submit(question).result(ANSWER_TIMEOUT))
        except Exception as error:  # an aid: whatever is wrong with it, a trader without memory goes on
            log.warning("memory.timeout", error=str(error)[:200] or type(error).__name__)
            if isinstance(error, apsw.CorruptError | apsw.SQLError | apsw.NotADBError):
                self._thread.submit(self._forget)
            return ()

    # ---------------------------------------------------------------- in the thread

    def _open(self) -> tuple[WindowStore, JournalHistory]:
        if self._past is None:
            self._past = JournalHistory(self._journal, self._network)
        if self._windows is None:
            self._windows = WindowStore(self._path)
        return self._windows, self._past

    def _follow(self) -> None:
        """Read on in the journal, a bounded part of it. Raises nothing of theirs."""
        try:
            self._read_on(*self._open())
        except (apsw.Error, JournalTampered) as error:
            log.warning("memory.lost", error=str(error)[:200])
            self._forget()
        except Exception as error:
            log.warning("memory.lagging", error=str(error)[:200] or type(error).__name__)

    def _read_on(self, windows: WindowStore, past: JournalHistory) -> None:
        place = windows.position
        if not past.has_position(place):  # another journal, or one restored from before: it is the truth
            log.warning("memory.rebuilt", reason="it was read from another journal")
            windows.reset()
            place = windows.position
        if place.seq == 0:
            place = past.start(MAX_WINDOWS)
        for _ in range(ROUNDS):
            seen, reached = past.cycles_after(place, BATCH)
            if reached == place:
                break
            windows.add(seen, self._tokens, reached)
            place = reached

    def _forget(self) -> None:
        """What is damaged is thrown away; the next block begins to read anew."""
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
    """One block's memory. What has been answered once is answered so again; from any thread."""

    def __init__(self, memory: JournalMemory, state: MarketState) -> None:
        self.state = state
        self._memory = memory
        self._lock = threading.Lock()
        self._windows: dict[Symbol, tuple[Item, ...]] = {}
        self._trades: tuple[Item, ...] | None = None

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


def _window(number: int, ended: int, after: float, distance: float) -> Item:
    return {"return_after": float(f"{after:.6g}"), "distance": float(f"{distance:.4g}"), "age": number - ended}
