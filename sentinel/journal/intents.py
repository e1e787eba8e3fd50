"""The journal's records of an intent: accepted, attempted, in transition, settled, opened again by a reorg, final.

Each function commits records and index in one transaction, and checks the transition against the table in `states`.
`finished` in the index is 0 for the open intent (at most one per wallet), 1 for an ended one, and 2 for one that waits
because a reorg has opened an intent with a lower nonce again, which must be mined first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sentinel.core.actions import Swap
from sentinel.core.errors import JournalError
from sentinel.core.market_state import Reference
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.transaction import Attempt, Intent, Outcome, Settled, shortfall_bps
from sentinel.core.valuation import value
from sentinel.journal import order_fills, reports
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical, decode, dumps, encode, loads
from sentinel.journal.states import MINED, State, ended_as, state_of, step

OPEN_STATES, ENDED_STATES = 0, 1


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An accepted intent that has not ended, with all its committed attempts, oldest first."""

    intent: Intent
    attempts: tuple[Attempt, ...]


def accept(
    ledger: Ledger,
    who: tuple[int, str],
    network: Network,
    intent: Intent,
    marks: Mapping[Symbol, Reference],
    cycle: int | None,
) -> None:
    """Add an intent. Must be called inside a transaction. Raises JournalError if another intent is open.

    `marks` are the prices that the intent is valued at. `cycle` is the number of the record of the cycle that decided.
    """
    action = intent.decision.simulation.candidate.action
    gross = {action.token_in: intent.decision.simulation.gross} if isinstance(action, Swap) else {}
    volume = value(gross, marks, network) if intent.signed else 0
    body = {"intent": encode(intent), "marks": encode(marks), "volume": str(volume), "cycle": cycle}
    added = ledger.append("intent", canonical(body))
    state, finished = (State.ACCEPTED, OPEN_STATES) if intent.signed else (State.DRY, ENDED_STATES)
    ledger.execute(
        "INSERT INTO intents VALUES (?,?,?,?,?,?,?,?,NULL,?)",
        *(intent.id, added.seq, added.at, *who, type(action).__name__.lower(), state.value, finished, str(volume)),
    )
    order_fills.accepted(ledger, network, intent, added.seq)


def attempt(ledger: Ledger, tried: Attempt) -> None:
    """Add a signed attempt of the open intent. Must be durable before its bytes are sent (I1).

    Raises JournalError if the intent is not open, if it has another nonce, or if another intent has this nonce.
    """
    with ledger.transaction():
        added = ledger.append("attempt", dumps(tried))
        state = _open_state(ledger, tried.intent_id)
        claimed = ledger.execute(
            "UPDATE intents SET nonce = ?, state = ? WHERE id = ? AND finished = 0 AND ifnull(nonce, ?) = ?",
            *(tried.nonce, step(state, State.SIGNED, tried.intent_id).value, tried.intent_id),
            *(tried.nonce, tried.nonce),
        )
        if claimed != 1:
            raise JournalError(f"intent {tried.intent_id} holds another nonce than {tried.nonce}")
        ledger.execute("INSERT INTO attempts VALUES (?,?,?,?)", tried.tx_hash, added.seq, tried.intent_id, tried.nonce)


def transition(ledger: Ledger, intent_id: str, after: State, facts: Mapping[str, str | int | float | None]) -> None:
    """Record a new state of an intent, with the observed facts. Raises JournalError as `states.step` does."""
    with ledger.transaction():
        if after is not State.DRY:
            step(_open_state(ledger, intent_id), after, intent_id)
        ledger.append("transition", canonical({"intent_id": intent_id, "state": after.value, **encode(dict(facts))}))
        ledger.execute("UPDATE intents SET state = ? WHERE id = ? AND finished = 0", after.value, intent_id)


def settle(ledger: Ledger, network: Network, settled: Settled) -> int:
    """Record the end of the open intent, and open the next one that waits.

    Returns its profit (negative: loss) in base units of the quote token, gas included. Raises JournalError.
    """
    intent, prices = reports.intent_of(ledger, settled.intent_id)
    gained = value(settled.realised, prices, network)
    gas = -value({NATIVE: -settled.gas_cost}, prices, network)
    pnl = gained - gas
    confirmed = settled.outcome is Outcome.CONFIRMED and not settled.unread
    shortfall = shortfall_bps(intent.decision.simulation, settled) if confirmed else None
    drift = reports.turned(shortfall)  # records keep their key and sign of schema 1
    with ledger.transaction():
        state = step(_open_state(ledger, settled.intent_id), ended_as(settled.outcome), settled.intent_id)
        body = {"settled": encode(settled), "pnl": str(pnl), "gas": str(gas), "drift_bps": drift}
        added = ledger.append("settled", canonical(body))
        ledger.execute("UPDATE intents SET state = ?, finished = 1 WHERE id = ?", state.value, settled.intent_id)
        ledger.execute(
            "INSERT INTO settled VALUES (?,?,?,?,?,?)",
            *(settled.intent_id, added.seq, added.at, settled.outcome.value, str(pnl), drift),
        )
        order_fills.settled(ledger, network, intent, settled, added.at)
        _open_next(ledger)
    return pnl


def reopen(ledger: Ledger, network: Network, intent_ids: Iterable[str], why: str) -> None:
    """Open intents again whose blocks a reorg removed or whose receipts came late, and delete their settlements.

    The intent with the lowest nonce is open afterwards; the others, and the intent that was open before, wait for it.
    """
    with ledger.transaction():
        ledger.execute("UPDATE intents SET finished = 2 WHERE finished = 0")
        for intent_id in intent_ids:
            state = step(_state(ledger, intent_id), State.SENT, intent_id)
            ledger.append("reopened", canonical({"intent_id": intent_id, "why": why}))
            ledger.execute("DELETE FROM settled WHERE intent_id = ?", intent_id)
            ledger.execute("UPDATE intents SET state = ?, finished = 2 WHERE id = ?", state.value, intent_id)
            order_fills.reopened(ledger, network, reports.intent_of(ledger, intent_id)[0])
        _open_next(ledger)


def finalise(ledger: Ledger, intent_ids: Iterable[str], block: int) -> None:
    """Record that these intents are in or below the finalized `block`.

    They keep the state in which they ended, and `not_final` no longer returns them.
    """
    with ledger.transaction():
        for intent_id in intent_ids:
            step(_state(ledger, intent_id), State.FINAL, intent_id)
            ledger.append("final", canonical({"intent_id": intent_id, "block": block}))
            seq, nonce = ledger.one(
                "SELECT settled.seq, nonce FROM settled JOIN intents ON id = intent_id WHERE intent_id = ?", intent_id
            )
            if nonce > final_nonce(ledger):
                ledger.set_meta("final", str(seq))


def final_nonce(ledger: Ledger) -> int:
    """The highest nonce whose intent is final, so that all lower ones are too; -1 if there is none.

    The index holds the number of the record that settled it. Records are no order of nonces: a receipt that comes late
    settles a nonce below those that have settled already.
    """
    row = ledger.one(
        "SELECT nonce FROM settled JOIN intents ON id = intent_id WHERE settled.seq = ?", int(ledger.meta("final") or 0)
    )
    return -1 if row is None else int(row[0])


def not_final(ledger: Ledger) -> tuple[Settled, ...]:
    """The settlements of mined intents that a reorg could still remove, lowest nonce first."""
    rows = ledger.all(
        "SELECT unpacked(body, packed) FROM settled JOIN records USING (seq) JOIN intents ON id = intent_id "
        f"WHERE nonce > ? AND outcome IN ({','.join('?' * len(MINED))}) ORDER BY nonce",
        *(final_nonce(ledger), *(state.value for state in MINED)),
    )
    return tuple(decode(Settled, json.loads(body)["settled"]) for (body,) in rows)


def unknown(ledger: Ledger) -> tuple[str, ...]:
    """The ids of those that ended as unknown, oldest first."""
    rows = ledger.all("SELECT id FROM intents WHERE finished = 1 AND state = ? ORDER BY seq", State.UNKNOWN.value)
    return tuple(id_ for (id_,) in rows)


def open_intents(ledger: Ledger) -> tuple[OpenIntent, ...]:
    """The open intent, then those that wait for it, lowest nonce first."""
    ids = ledger.all("SELECT id FROM intents WHERE finished IN (0, 2) ORDER BY finished, nonce")
    return tuple(OpenIntent(reports.intent_of(ledger, id_)[0], attempts(ledger, id_)) for (id_,) in ids)


def attempts(ledger: Ledger, intent_id: str) -> tuple[Attempt, ...]:
    """The committed attempts of an intent, oldest first."""
    rows = ledger.all(
        "SELECT unpacked(body, packed) FROM attempts JOIN records USING (seq) WHERE intent_id = ? ORDER BY seq",
        intent_id,
    )
    return tuple(loads(Attempt, body) for (body,) in rows)


def _open_next(ledger: Ledger) -> None:
    """If no intent is open, open the waiting one with the lowest nonce; one without a nonce yet comes last."""
    ledger.execute(
        "UPDATE intents SET finished = 0 WHERE id = (SELECT id FROM intents WHERE finished = 2 "
        "ORDER BY nonce IS NULL, nonce LIMIT 1) AND NOT EXISTS (SELECT 1 FROM intents WHERE finished = 0)"
    )


def _open_state(ledger: Ledger, intent_id: str) -> State:
    """The state of an open intent. Raises JournalError if the intent has ended or waits."""
    row = ledger.one("SELECT state FROM intents WHERE id = ? AND finished = 0", intent_id)
    if row is None:
        raise JournalError(f"intent {intent_id} is not open: it has ended, waits for another, or was never accepted")
    # Journals older than the table of states wrote `unknown` for a node's unclear answer; an open intent has not ended.
    return State.SENT if row[0] == State.UNKNOWN else state_of(row[0])


def _state(ledger: Ledger, intent_id: str) -> State:
    """The state of any intent. Raises JournalError if there is none with this id."""
    row = ledger.one("SELECT state FROM intents WHERE id = ?", intent_id)
    if row is None:
        raise JournalError(f"no intent {intent_id} in the journal")
    return state_of(row[0])
