"""Lists and lookups of a journal for people: decisions by filter, intents with their attempts, and equity over time.

Read-only queries over the index, of one connection. Whole records are read only for what is shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.core.actions import Swap
from sentinel.core.decision import HoldReason
from sentinel.core.market_state import Reference
from sentinel.core.network import Symbol
from sentinel.core.transaction import Attempt, EquityPoint, Intent, Settled
from sentinel.core.valuation import marks
from sentinel.journal.intents import attempts
from sentinel.journal.ledger import Ledger
from sentinel.journal.reports import turned
from sentinel.journal.serialization import decode, loads

BLIND = (HoldReason.STOPPING, HoldReason.PAUSED, HoldReason.DISPUTED, HoldReason.IN_FLIGHT)  # read no market, mostly
MAX_POINTS = 5_000  # that are kept in memory


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions a list holds. None and an empty text filter nothing."""

    act: bool | None = None
    reason: str = ""  # of a hold
    min_shortfall_bps: float | None = None  # of the confirmed trade
    before: int | None = None  # record number: only older decisions


@dataclass(frozen=True, slots=True)
class DecisionRow:
    seq: int  # number of the cycle's record
    at: float  # Unix seconds
    block: int
    act: bool
    reason: str  # "act", or the reason of the hold
    votes: int
    asked: int
    intent_id: str | None
    state: str | None  # of the intent
    shortfall_bps: float | None


@dataclass(frozen=True, slots=True)
class IntentEntry:
    """One intent, with what became of it."""

    intent: Intent
    marks: Mapping[Symbol, Reference]  # the prices that it is valued at
    cycle: int | None  # record number of the cycle that decided it; None for an approval at a start
    at: float  # Unix seconds of its acceptance
    state: str
    volume: int  # base units of the quote token
    attempts: tuple[Attempt, ...]
    settled: Settled | None
    pnl: int | None  # base units of the quote token, gas included
    shortfall_bps: float | None


class Browsing:
    """Methods raise JournalError. One thread at a time may call them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._points: dict[int, EquityPoint | None] = {}  # by the number of a cycle's record

    def decisions(self, wanted: DecisionFilter, limit: int) -> tuple[DecisionRow, ...]:
        """The last `limit` decisions that fit, newest first."""
        conditions, values = ["1"], list[object]()
        for condition, value in (
            ("c.act = ?", wanted.act),
            ("c.reason = ?", wanted.reason or None),
            ("s.drift_bps <= ?", turned(wanted.min_shortfall_bps)),
            ("c.seq < ?", wanted.before),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        rows = self._ledger.all(
            "SELECT c.seq, c.at, c.number, c.act, c.reason, c.votes, c.asked, c.intent_id, i.state, s.drift_bps "
            "FROM cycles c LEFT JOIN intents i ON i.id = c.intent_id LEFT JOIN settled s ON s.intent_id = c.intent_id "
            f"WHERE {' AND '.join(conditions)} ORDER BY c.seq DESC LIMIT ?",
            *(*values, limit),
        )
        return tuple(
            DecisionRow(seq, at / 1000, number, bool(act), reason, votes, asked, id_, state, turned(drift))
            for seq, at, number, act, reason, votes, asked, id_, state, drift in rows
        )

    def reasons(self) -> tuple[str, ...]:
        """The reasons of all holds, most frequent first."""
        rows = self._ledger.all("SELECT reason FROM cycles WHERE act = 0 GROUP BY reason ORDER BY count(*) DESC")
        return tuple(reason for (reason,) in rows)

    def at(self, seq: int) -> float:
        """When the record with this number was added, in Unix seconds."""
        return float(self._ledger.one("SELECT at FROM records WHERE seq = ?", seq)[0]) / 1000

    def neighbours(self, seq: int) -> tuple[int | None, int | None]:
        """The record numbers of the decisions before and after this one."""
        older, newer = self._ledger.one(
            "SELECT (SELECT max(seq) FROM cycles WHERE seq < ?), (SELECT min(seq) FROM cycles WHERE seq > ?)", seq, seq
        )
        return older, newer

    def intent(self, intent_id: str) -> IntentEntry | None:
        """None if there is no such intent."""
        row = self._ledger.one(
            "SELECT unpacked(r.body, r.packed), i.at, i.state, i.volume, unpacked(rs.body, rs.packed), s.pnl, "
            "s.drift_bps FROM intents i JOIN records r ON r.seq = i.seq LEFT JOIN settled s ON s.intent_id = i.id "
            "LEFT JOIN records rs ON rs.seq = s.seq WHERE i.id = ?",
            intent_id,
        )
        if row is None:
            return None
        body, at, state, volume, end, pnl, drift = row
        entry = json.loads(body)
        return IntentEntry(
            intent=decode(Intent, entry["intent"]),
            marks=decode(Mapping[Symbol, Reference], entry["marks"]),
            cycle=entry.get("cycle"),
            at=at / 1000,
            state=state,
            volume=int(volume),
            attempts=attempts(self._ledger, intent_id),
            settled=None if end is None else decode(Settled, json.loads(end)["settled"]),
            pnl=None if pnl is None else int(pnl),
            shortfall_bps=turned(drift),
        )

    def open_intents(self) -> tuple[IntentEntry, ...]:
        """The open intent, then those that wait for it."""
        rows = self._ledger.all("SELECT id FROM intents WHERE finished IN (0, 2) ORDER BY finished, nonce")
        return self._entries(rows)

    def last_intents(self, limit: int) -> tuple[IntentEntry, ...]:
        """Newest first."""
        return self._entries(self._ledger.all("SELECT id FROM intents ORDER BY seq DESC LIMIT ?", limit))

    def swaps_since(self, at: float, limit: int) -> tuple[IntentEntry, ...]:
        """The last `limit` swaps that were accepted since `at` (Unix seconds), newest first."""
        wanted = "SELECT id FROM intents WHERE kind = ? AND at >= ? ORDER BY seq DESC LIMIT ?"
        return self._entries(self._ledger.all(wanted, Swap.__name__.lower(), int(at * 1000), limit))

    def largest_volume(self, since: float) -> int:
        """The largest volume of an intent since then (Unix seconds), in base units of the quote token."""
        rows = self._ledger.all("SELECT volume FROM intents WHERE at >= ?", int(since * 1000))
        return max((int(volume) for (volume,) in rows), default=0)

    def span(self) -> tuple[float, float] | None:
        """When the first and the last cycle were recorded, in Unix seconds; None if there is no cycle."""
        first, last = self._ledger.one(
            "SELECT (SELECT at FROM cycles ORDER BY seq LIMIT 1), (SELECT at FROM cycles ORDER BY seq DESC LIMIT 1)"
        )
        return None if first is None else (first / 1000, last / 1000)

    def points(self, since: float, until: float, count: int) -> tuple[EquityPoint, ...]:
        """Balances and prices that cycles read, oldest first: at most `count`, spread evenly over the time.

        Times are Unix seconds. They have the same form as the points of the equity series, and lie between them.
        """
        width = max(1, int((until - since) * 1000) // max(1, count))
        blind = ",".join("?" * len(BLIND))
        rows = self._ledger.all(
            f"SELECT max(seq) FROM cycles WHERE at >= ? AND at <= ? AND reason NOT IN ({blind}) GROUP BY at / ?",
            *(int(since * 1000), int(until * 1000) + 1, *(reason.value for reason in BLIND), width),
        )
        found = (self._point(seq) for (seq,) in rows)
        return tuple(sorted((point for point in found if point is not None), key=lambda point: point.block))

    def equity_points(self, after: int) -> tuple[tuple[int, EquityPoint], ...]:
        """The points of the equity series that were recorded after record `after`, each with its record's number."""
        rows = self._ledger.all(
            "SELECT seq, unpacked(body, packed) FROM equity JOIN records USING (seq) WHERE seq > ? ORDER BY seq", after
        )
        return tuple((seq, loads(EquityPoint, body)) for seq, body in rows)

    def settlements(self) -> tuple[int, int]:
        """Their number and the newest record of one: both the same means that none came and none was taken back."""
        count, newest = self._ledger.one("SELECT count(*), ifnull(max(seq), 0) FROM settled")
        return count, newest

    def newest_point(self) -> EquityPoint | None:
        """What the last cycle that read the market found; None if none did."""
        blind = ",".join("?" * len(BLIND))
        row = self._ledger.one(
            f"SELECT seq FROM cycles WHERE reason NOT IN ({blind}) ORDER BY seq DESC LIMIT 1",
            *(reason.value for reason in BLIND),
        )
        return None if row is None else self._point(row[0])

    def _point(self, seq: int) -> EquityPoint | None:
        if seq not in self._points:
            if len(self._points) >= MAX_POINTS:
                self._points.clear()
            self._points[seq] = self._read_point(seq)
        return self._points[seq]

    def _read_point(self, seq: int) -> EquityPoint | None:
        body, at = self._ledger.one("SELECT unpacked(body, packed), at FROM records WHERE seq = ?", seq)
        state = json.loads(body)["state"] if body else None  # the retention dropped the content
        if state is None:
            return None
        mid = {symbol: float(price) for symbol, price in state["prices"].items()}
        return EquityPoint(
            at=at // 1000,
            block=int(state["head"]["number"]),
            balances=decode(Mapping[Symbol, int], state["balances"]),
            prices=marks(mid, decode(Mapping[Symbol, Reference], state["reference"]), state["head"]["timestamp"]),
        )

    def _entries(self, rows: list[tuple[str]]) -> tuple[IntentEntry, ...]:
        entries = (self.intent(id_) for (id_,) in rows)
        return tuple(entry for entry in entries if entry is not None)
