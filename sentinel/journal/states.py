"""Every state of an intent and the ways between them: the one table, which the journal enforces. Pure.

An intent is followed by its attempts' hashes; the attempt that a step belongs to stands in the step's record. Where a
new attempt of the same nonce is signed the intent is `signed` again. `docs/transactions.md` draws this table, and a
test holds the picture to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sentinel.core.errors import JournalError
from sentinel.core.transaction import Outcome


class State(StrEnum):
    DRY = "dry"  # decided in a dry run: nothing follows
    ACCEPTED = "accepted"  # committed with its cycle; no nonce yet
    SIGNED = "signed"  # an attempt's bytes are committed, and not yet sent
    SENT = "sent"  # given to a node at least once, whatever it answered
    SEEN = "seen"  # in a block, not yet deep enough
    CONFIRMED = "confirmed"  # deep enough: it took effect
    REVERTED = "reverted"  # deep enough: it failed, and its gas is spent
    CANCELLED = "cancelled"  # deep enough: the transfer to oneself took its nonce
    EXPIRED = "expired"  # ended before anything was signed
    UNKNOWN = "unknown"  # its nonce is used, as far as can be told by none of ours: trading is halted
    FINAL = "final"  # the finalized block has it: no reorg can take it back


MINED = (State.CONFIRMED, State.REVERTED, State.CANCELLED)

NEXT: Mapping[State, frozenset[State]] = {
    State.DRY: frozenset({State.DRY}),
    State.ACCEPTED: frozenset({State.SIGNED, State.EXPIRED}),
    # found mined, or its nonce used, without a send that this process or an earlier one wrote down
    State.SIGNED: frozenset({State.SIGNED, State.SENT, State.SEEN, State.UNKNOWN}),
    State.SENT: frozenset({State.SENT, State.SIGNED, State.SEEN, State.UNKNOWN}),
    # back to sent: a reorg took its block away; to signed or unknown: it did so while no process looked
    State.SEEN: frozenset({State.SEEN, State.SENT, State.SIGNED, State.UNKNOWN, *MINED}),
    State.CONFIRMED: frozenset({State.SENT, State.FINAL}),
    State.REVERTED: frozenset({State.SENT, State.FINAL}),
    State.CANCELLED: frozenset({State.SENT, State.FINAL}),
    State.EXPIRED: frozenset(),
    State.UNKNOWN: frozenset({State.SENT}),  # a receipt of ours came late, and it ends by that
    State.FINAL: frozenset(),
}

# Journals of before this table named a state by the node's answer.
_OLD = {
    "known": State.SENT,
    "nonce_used": State.SENT,
    "underpriced": State.SENT,
    "no_funds": State.SENT,
    "mined": State.SEEN,
    "unmined": State.SENT,
}


def state_of(text: str) -> State:
    """The state of this name in any version. Raises JournalError for an unknown name."""
    try:
        return _OLD.get(text) or State(text)
    except ValueError:
        raise JournalError(f"the journal holds an unknown state: {text[:40]!r}") from None


def ended_as(outcome: Outcome) -> State:
    return State(outcome.value)


def step(before: State, after: State, intent_id: str) -> State:
    """`after`. Raises JournalError where the table has no such way: then the caller is wrong, and nothing is sent."""
    if after not in NEXT[before]:
        raise JournalError(f"intent {intent_id} is {before}; from there it cannot become {after}")
    return after
