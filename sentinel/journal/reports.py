"""Reports of the journal: lists and totals. Read-only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sentinel.core.actions import Approve, Route, Swap
from sentinel.core.errors import JournalError
from sentinel.core.market_state import Reference
from sentinel.core.network import Symbol
from sentinel.core.record import CycleRecord
from sentinel.core.spent import Spent
from sentinel.core.transaction import Counterfactual, Intent, Settled
from sentinel.core.units import DAY
from sentinel.decide.operator_controls import FLATTEN
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import decode, loads


@dataclass(frozen=True, slots=True)
class CycleLine:
    """One cycle in the list of cycles."""

    id: int  # as `get_cycle` and `sentinel replay` take it
    at: float  # Unix seconds
    number: int  # block
    act: bool
    reason: str  # "act", or the reason of the hold
    detail: str
    votes: int
    asked: int
    parsed: int
    simulated: int
    intent_id: str | None


@dataclass(frozen=True, slots=True)
class Trade:
    """One intent in the list of trades: a swap or an approval."""

    intent_id: str
    at: float  # Unix seconds
    kind: str  # "swap" | "approve"
    state: str  # "accepted", "sent", …, and finally the outcome; "dry" in a dry run
    token_in: Symbol
    token_out: Symbol
    source: str  # the proposer; empty if no cycle decided it (approvals)
    gross: int  # base units of token_in
    routes: tuple[Route, ...]  # empty for an approval
    min_out: int  # minimum output in base units of token_out; 0 for an approval
    simulated: Mapping[Symbol, int]  # net change, base units
    settled: Settled | None
    gas_quote: int | None  # gas paid, base units of the quote token; None if not settled, or if recorded by schema 1
    pnl_quote: int | None  # base units of the quote token, at the reference prices of the decision, gas included
    shortfall_bps: float | None  # positive if it realised less than simulated; None without a result to compare


@dataclass(frozen=True, slots=True)
class JournalSummary:
    """The totals of a whole journal."""

    cycles: int
    acts: int
    holds: int
    confirmed: int  # swaps only, as in the next three fields
    reverted: int
    cancelled: int
    expired: int
    unknown: int  # swaps and approvals
    open_intents: int
    approvals: int  # confirmed ones
    sampled: int  # final actions that were requested
    parsed: int
    simulated: int
    shortfall_bps: float | None  # the largest by absolute value, of confirmed swaps; None if there is none
    pnl_quote: int  # base units of the quote token


@dataclass(frozen=True, slots=True)
class TradeOutcome:
    """The vote and the outcome of one trade that was voted on and mined."""

    intent_id: str
    decided_at: float  # Unix seconds
    settled_at: float
    proposer: str
    votes: int
    asked: int
    spread_bps: int
    reverted: bool  # false: it was confirmed
    shortfall_bps: float | None


# How each trade ended, on paper too: an intent has a row in one of the two tables at most.
_ENDS = (
    "SELECT intent_id, seq, pnl, drift_bps FROM settled "
    "UNION ALL SELECT intent_id, seq, pnl, drift_bps FROM paper_fills"
)


def turned(bps: float | None) -> float | None:
    """The shortfall of a recorded `drift_bps` (realised minus simulated), and the reverse."""
    return None if bps is None else 0.0 - bps  # not -bps, which would turn 0.0 into -0.0


def settlements(ledger: Ledger) -> tuple[TradeOutcome, ...]:
    """Each trade that was voted on and mined, in the order of the settlements."""
    rows = ledger.all(
        "SELECT c.intent_id, c.at, s.at, json_extract(unpacked(r.body, r.packed), '$.proposal.source'), "
        "c.votes, c.asked, "
        "json_extract(unpacked(r.body, r.packed), '$.decision.spread_bps'), s.outcome = 'reverted', s.drift_bps "
        "FROM cycles c JOIN records r ON r.seq = c.seq JOIN settled s ON s.intent_id = c.intent_id "
        "WHERE c.act AND s.outcome IN ('confirmed', 'reverted') "
        "AND json_extract(unpacked(r.body, r.packed), '$.proposal.source') IS NOT ? ORDER BY s.seq",
        FLATTEN,  # a flatten is not voted on
    )
    return tuple(
        TradeOutcome(id_, at / 1000, ended / 1000, source, votes, asked, spread, bool(reverted), turned(drift))
        for id_, at, ended, source, votes, asked, spread, reverted, drift in rows
    )


def intent_of(ledger: Ledger, intent_id: str) -> tuple[Intent, dict[Symbol, Reference]]:
    """The intent, and the prices that it is valued at. Raises JournalError if there is none with this id."""
    row = ledger.one("SELECT unpacked(body, packed) FROM intents JOIN records USING (seq) WHERE id = ?", intent_id)
    if row is None:
        raise JournalError(f"no intent {intent_id} in the journal")
    body = json.loads(row[0])
    return decode(Intent, body["intent"]), decode(Mapping[Symbol, Reference], body["marks"])


def cycles(ledger: Ledger, limit: int) -> tuple[CycleLine, ...]:
    """The last `limit` cycles, newest first."""
    rows = ledger.all("SELECT * FROM cycles ORDER BY seq DESC LIMIT ?", limit)
    return tuple(CycleLine(seq, at / 1000, number, bool(act), *rest) for seq, at, number, act, *rest in rows)


def all_cycles(ledger: Ledger, low: float, high: float) -> Iterator[CycleLine]:
    """The cycles from Unix time `low` to before `high`, oldest first."""
    last, batch = 0, 1000
    while rows := ledger.all("SELECT * FROM cycles WHERE seq > ? ORDER BY seq LIMIT ?", last, batch):
        last = rows[-1][0]
        for seq, at, number, act, *rest in rows:
            if low <= at / 1000 < high:
                yield CycleLine(seq, at / 1000, number, bool(act), *rest)


def trades(ledger: Ledger, limit: int, after: int = 0) -> tuple[Trade, ...]:
    """The last `limit` swaps and approvals, newest first, that were accepted after record number `after`."""
    rows = ledger.all(
        "SELECT i.id, i.at, i.kind, i.state, unpacked(rs.body, rs.packed), s.pnl, s.drift_bps, "
        "json_extract(unpacked(rc.body, rc.packed), '$.proposal.source') "
        f"FROM intents i LEFT JOIN ({_ENDS}) s ON s.intent_id = i.id LEFT JOIN records rs ON rs.seq = s.seq "
        "LEFT JOIN cycles c ON c.intent_id = i.id LEFT JOIN records rc ON rc.seq = c.seq "
        "WHERE i.seq > ? ORDER BY i.seq DESC LIMIT ?",
        *(after, limit),
    )
    return tuple(_trade(ledger, *row) for row in rows)


def _trade(
    ledger: Ledger, id_: str, at: int, kind: str, state: str, body: str | None, pnl: Any, drift: Any, source: str | None
) -> Trade:
    ended = None if body is None else json.loads(body)
    simulation = intent_of(ledger, id_)[0].decision.simulation
    action = simulation.candidate.action
    token_in = token_out = ""
    if isinstance(action, Swap):
        token_in, token_out = action.token_in, action.token_out
    elif isinstance(action, Approve):
        token_in = token_out = action.token
    return Trade(
        intent_id=id_,
        at=at / 1000,
        kind=kind,
        state=state,
        token_in=token_in,
        token_out=token_out,
        source=source or "",
        gross=simulation.gross,
        routes=action.routes if isinstance(action, Swap) else (),
        min_out=action.min_out if isinstance(action, Swap) else 0,
        simulated=simulation.deltas,
        settled=None if ended is None else decode(Settled, ended["settled"]),
        gas_quote=int(ended["gas"]) if ended is not None and "gas" in ended else None,
        pnl_quote=None if pnl is None else int(pnl),
        shortfall_bps=turned(drift),
    )


def summary(ledger: Ledger) -> JournalSummary:
    """The totals of the whole journal."""
    count, acts, asked, parsed, simulated = ledger.one(
        "SELECT count(*), ifnull(sum(act), 0), ifnull(sum(asked), 0), ifnull(sum(parsed), 0), "
        "ifnull(sum(simulated), 0) FROM cycles"
    )
    finished = ledger.all("SELECT kind, state, count(*) FROM intents WHERE finished = 1 GROUP BY 1, 2")
    ended = {(kind, state): number for kind, state, number in finished}
    drift = ledger.one("SELECT drift_bps FROM settled WHERE drift_bps NOTNULL ORDER BY abs(drift_bps) DESC LIMIT 1")
    return JournalSummary(
        cycles=count,
        acts=acts,
        holds=count - acts,
        confirmed=ended.get(("swap", "confirmed"), 0),
        reverted=ended.get(("swap", "reverted"), 0),
        cancelled=ended.get(("swap", "cancelled"), 0),
        expired=ended.get(("swap", "expired"), 0),
        unknown=sum(number for (_, state), number in ended.items() if state == "unknown"),
        open_intents=ledger.one("SELECT count(*) FROM intents WHERE finished != 1")[0],
        approvals=ended.get(("approve", "confirmed"), 0),
        sampled=asked,
        parsed=parsed,
        simulated=simulated,
        shortfall_bps=None if drift is None else turned(drift[0]),
        pnl_quote=sum(int(pnl) for (pnl,) in ledger.all("SELECT pnl FROM settled")),
    )


def spent_today(ledger: Ledger, now: float) -> Spent:
    """Loss and volume of the UTC day of `now` (Unix seconds). The volume includes every open intent.

    While a paper wallet is in use, its trades count too.

    Each loss counts in full: the gain of another trade, real or not, makes no room.
    """
    day = 1000 * DAY  # milliseconds
    start = int(now * 1000) // day * day
    volumes = ledger.all(
        "SELECT volume FROM intents LEFT JOIN settled ON id = intent_id "
        "WHERE (finished != 1 OR (intents.at >= ? AND outcome IN ('confirmed', 'unknown')))",
        start,
    )
    ended = ledger.all("SELECT pnl FROM settled WHERE at >= ?", start)
    if ledger.meta("paper") == "on":
        volumes += ledger.all("SELECT volume FROM paper_fills WHERE at >= ?", start)
        ended += ledger.all("SELECT pnl FROM paper_fills WHERE at >= ?", start)
    losses = (max(0, -int(pnl)) for (pnl,) in ended)
    return Spent(loss=sum(losses), volume=sum(int(row[0]) for row in volumes))


def open_intent_ids(ledger: Ledger) -> tuple[tuple[str, int], ...]:
    """The state and the time of acceptance (Unix milliseconds) of each intent that has not ended, oldest first."""
    rows = ledger.all("SELECT state, at FROM intents WHERE finished IN (0, 2) ORDER BY at")
    return tuple((str(state), int(at)) for state, at in rows)


def config_of(ledger: Ledger, cycle: int | str) -> dict[str, Any] | None:
    """The reloadable settings at a cycle, given by record number or intent id; None if none were recorded before it."""
    key = "seq" if isinstance(cycle, int) else "intent_id"
    row = ledger.one(
        "SELECT unpacked(body, packed) FROM records WHERE kind = 'config' "
        f"AND seq < (SELECT seq FROM cycles WHERE {key} = ?) "
        "ORDER BY seq DESC LIMIT 1",
        cycle,
    )
    return None if row is None else dict(json.loads(row[0])["values"])


def shortfalls(ledger: Ledger, limit: int) -> tuple[float, ...]:
    """The shortfalls (bps) of the last `limit` swaps that were confirmed since the last resume, newest first."""
    rows = ledger.all(
        "SELECT drift_bps FROM settled WHERE drift_bps NOTNULL AND seq > ? ORDER BY seq DESC LIMIT ?",
        *(int(ledger.meta("unlatched") or 0), limit),
    )
    return tuple(0.0 - drift for (drift,) in rows)


def counterfactuals(ledger: Ledger) -> Iterator[Counterfactual]:
    """All counterfactuals, oldest first. Reads and checks the whole chain of records; raises JournalTampered."""
    for record in ledger.records():
        if record.kind == "counterfactual":
            yield loads(Counterfactual, record.body)


def decided(ledger: Ledger) -> Iterator[CycleRecord]:
    """All cycles with a proposal, oldest first. Reads and checks the whole chain of records; raises JournalTampered."""
    for record in ledger.records():
        if (
            record.kind == "cycle"
            and not record.dropped
            and (cycle := loads(CycleRecord, record.body)).proposal is not None
        ):
            yield cycle
