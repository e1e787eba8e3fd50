"""The states of an intent and the transitions between them: one table, which the journal enforces. Pure.

An intent is tracked by the hashes of its attempts; the record of a transition names its attempt. If a new attempt with
the same nonce is signed, the intent is `signed` again. `docs/transactions.md` shows this table, and a test compares
the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sentinel.core.errors import JournalError
from sentinel.core.transaction import Outcome


class State(StrEnum):
    """The state of an intent."""

    DRY = "dry"  # decided in a dry run, and ended by that
    ACCEPTED = "accepted"  # committed with its cycle; no nonce yet
    SIGNED = "signed"  # an attempt's bytes are committed, but not yet sent
    SENT = "sent"  # sent to a node at least once, whatever the node answered
    SEEN = "seen"  # in a block that is not deep enough yet
    CONFIRMED = "confirmed"  # took effect, in a block that is deep enough
    REVERTED = "reverted"  # failed and spent its gas, in a block that is deep enough
    CANCELLED = "cancelled"  # the cancel used its nonce, in a block that is deep enough
    EXPIRED = "expired"  # ended before anything was signed
    UNKNOWN = "unknown"  # its nonce is used, by none of our transactions as far as is known; trading is halted
    FINAL = "final"  # in or below the finalized block, so that no reorg can remove it


MINED = (State.CONFIRMED, State.REVERTED, State.CANCELLED)

NEXT: Mapping[State, frozenset[State]] = {
    State.DRY: frozenset({State.DRY}),
    State.ACCEPTED: frozenset({State.SIGNED, State.EXPIRED}),
    # seen or unknown: it was mined, or its nonce was used, although no send is recorded
    State.SIGNED: frozenset({State.SIGNED, State.SENT, State.SEEN, State.UNKNOWN}),
    State.SENT: frozenset({State.SENT, State.SIGNED, State.SEEN, State.UNKNOWN}),
    # back to sent: a reorg removed its block; to signed or unknown: a reorg did so while no process was running
    State.SEEN: frozenset({State.SEEN, State.SENT, State.SIGNED, State.UNKNOWN, *MINED}),
    State.CONFIRMED: frozenset({State.SENT, State.FINAL}),
    State.REVERTED: frozenset({State.SENT, State.FINAL}),
    State.CANCELLED: frozenset({State.SENT, State.FINAL}),
    State.EXPIRED: frozenset(),
    State.UNKNOWN: frozenset({State.SENT}),  # a receipt of ours came late, and it ends by that
    State.FINAL: frozenset(),
}

# Journals that are older than this table name a state by the node's answer.
_OLD = {
    "known": State.SENT,
    "nonce_used": State.SENT,
    "underpriced": State.SENT,
    "no_funds": State.SENT,
    "mined": State.SEEN,
    "unmined": State.SENT,
}


def state_of(text: str) -> State:
    """The state with this name in any version of the journal. Raises JournalError for an unknown name."""
    try:
        return _OLD.get(text) or State(text)
    except ValueError:
        raise JournalError(f"the journal holds an unknown state: {text[:40]!r}") from None


def ended_as(outcome: Outcome) -> State:
    """The state of an intent that ended with this outcome."""
    return State(outcome.value)


def step(before: State, after: State, intent_id: str) -> State:
    """`after`, if the table allows this transition.

    Raises JournalError otherwise, so that a faulty caller sends nothing.
    """
    if after not in NEXT[before]:
        raise JournalError(f"intent {intent_id} is {before}; from there it cannot become {after}")
    return after
