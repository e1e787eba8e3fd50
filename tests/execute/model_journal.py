"""The journal's meaning without its file: what it refuses and what it gives back, in memory that outlives restarts.

The machine's other run has the real journal; this one is for the thousands of sequences.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sentinel.core.errors import JournalError
from sentinel.core.transaction import Attempt, Intent, Settled
from sentinel.journal.intents import OpenIntent
from sentinel.journal.states import MINED, State, ended_as, step


@dataclass
class Entry:
    intent: Intent
    state: State = State.ACCEPTED
    ended: bool = False
    final: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    settled: Settled | None = None

    @property
    def order(self) -> tuple[bool, int]:
        """The lowest nonce is the open one; what has none yet comes last."""
        return (not self.attempts, self.attempts[0].nonce if self.attempts else 0)


@dataclass(frozen=True)
class Ended:
    """As much of a Trade as the machine compares."""

    intent_id: str
    state: str


class ModelChainRecords:
    """The nonces that are known, by the journal's rule; no block is ever known."""

    settled_block = None

    def __init__(self, journal: ModelJournal) -> None:
        self._journal = journal
        self._known: int | None = None
        self._found = 0

    def foreign(self, mined: int) -> range:
        held = self._journal.next_nonce()
        if self._known is None:
            self._known = held or mined
        return range(max(held, self._known), mined)

    def found(self, foreign: range) -> None:
        self._found = foreign.stop

    def acknowledge(self) -> None:
        self._known = max(self._known or 0, self._found)


class ModelJournal:
    def __init__(self) -> None:
        self.chain = ModelChainRecords(self)
        self.entries: dict[str, Entry] = {}
        self.halt_reason: str | None = None

    def accept(self, record: Any, intent: Intent) -> None:
        if self.open_intents():
            raise JournalError("one intent is open")
        self.entries[intent.id] = Entry(intent)

    def is_open(self, intent_id: str) -> bool:
        return any(pending.intent.id == intent_id for pending in self.open_intents())

    def attempt(self, attempt: Attempt) -> None:
        entry = self._open(attempt.intent_id)
        if any(attempt.nonce in [a.nonce for a in other.attempts] for other in self.entries.values() if other != entry):
            raise JournalError(f"nonce {attempt.nonce} is another's")
        if entry.attempts and entry.attempts[0].nonce != attempt.nonce:
            raise JournalError(f"{attempt.intent_id} holds another nonce than {attempt.nonce}")
        entry.state = step(entry.state, State.SIGNED, attempt.intent_id)
        entry.attempts.append(attempt)

    def transition(self, intent_id: str, state: State, **facts: str | int | float | None) -> None:
        entry = self._open(intent_id)
        entry.state = step(entry.state, state, intent_id)

    def settle(self, settled: Settled) -> int:
        entry = self._open(settled.intent_id)
        entry.state = step(entry.state, ended_as(settled.outcome), settled.intent_id)
        entry.ended, entry.settled = True, settled
        return 0

    def reopen(self, intent_ids: Iterable[str], why: str) -> None:
        for intent_id in intent_ids:
            entry = self.entries[intent_id]
            entry.state = step(entry.state, State.SENT, intent_id)
            entry.ended, entry.settled = False, None

    def finalise(self, intent_ids: Iterable[str], block: int) -> None:
        for intent_id in intent_ids:
            step(self.entries[intent_id].state, State.FINAL, intent_id)
            self.entries[intent_id].final = True

    def not_final(self) -> tuple[Settled, ...]:
        found = [e for e in self.entries.values() if e.ended and not e.final and e.state in MINED]
        return tuple(e.settled for e in sorted(found, key=lambda e: e.order) if e.settled is not None)

    def open_intents(self) -> tuple[OpenIntent, ...]:
        found = sorted((e for e in self.entries.values() if not e.ended), key=lambda e: e.order)
        return tuple(OpenIntent(e.intent, tuple(e.attempts)) for e in found)

    def unknown(self) -> tuple[str, ...]:
        return tuple(id_ for id_, e in self.entries.items() if e.ended and e.state is State.UNKNOWN)

    def attempts(self, intent_id: str) -> tuple[Attempt, ...]:
        return tuple(self.entries[intent_id].attempts)

    def next_nonce(self) -> int:
        return max((a.nonce + 1 for e in self.entries.values() for a in e.attempts), default=0)

    def bar(self, purpose: Any) -> str | None:
        return self.halt_reason

    def halt(self, reason: str, by: str = "sentinel") -> None:
        self.halt_reason = self.halt_reason or reason

    def resume(self, by: str) -> None:
        self.halt_reason = None
        self.chain.acknowledge()

    def trades(self, limit: int) -> list[Ended]:
        return [Ended(id_, e.state.value) for id_, e in self.entries.items() if e.ended]

    def _open(self, intent_id: str) -> Entry:
        pending = self.open_intents()
        if not pending or pending[0].intent.id != intent_id:
            raise JournalError(f"intent {intent_id} is not open")
        return self.entries[intent_id]
