"""The check of the journal's index: the records are replayed, and the result is compared with the index. Read-only."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel.core.edges import described
from sentinel.core.network import Network
from sentinel.journal import dictionaries, order_fills, order_records, paper_records, position_records
from sentinel.journal.chain_check import tampered
from sentinel.journal.control_records import ReplayedControls
from sentinel.journal.ledger import Ledger
from sentinel.journal.order_fills import ReplayedFills
from sentinel.journal.order_records import ReplayedOrders
from sentinel.journal.paper_records import ReplayedPaper
from sentinel.journal.position_records import ReplayedPositions
from sentinel.journal.states import State
from sentinel.journal.stored_records import Record, unpacked

CycleRow = tuple[int, int, int, str, str, int]  # at, block, act, reason, detail, votes


def verify(ledger: Ledger, network: Network, progress: Callable[[int], None] = lambda _: None) -> int:
    """Replay every record and compare the result with the index. Returns the number of records.

    `progress` receives the number of records so far, after each. It sees the file as it is at the beginning. Raises
    JournalTampered at the first difference, or at the first record that breaks the hash chain.
    """
    replayed, count, name = _Replay(network), 0, ledger.path.name
    with ledger.snapshot():
        for record in ledger.records():
            count += 1
            try:
                replayed.apply(record)
            except (ValueError, LookupError, TypeError) as error:
                what = f"record {record.seq} ({record.kind[:20]}) cannot be read: {described(error)}"
                raise tampered(name, what) from error
            progress(count)
        expected = replayed.index()
        for index, stored in _stored_index(ledger).items():
            if stored != expected[index]:
                raise tampered(name, f"the index of {index} does not agree with the records")
        if (damage := ledger.one("PRAGMA integrity_check(1)")[0]) != "ok":
            raise tampered(name, f"the file is damaged: {damage}")
    return count


_CYCLES = (
    "SELECT seq, cycles.at, number, act, reason, detail, votes, body = '' AND packed IS NULL "
    "FROM cycles JOIN records USING (seq)"
)
_LEADING = 4_096  # characters that hold a hold's decision and head
_NEXT = re.compile(r'"(\w+|\$)":')


def _cycle_row(record: Record) -> CycleRow:
    """The row of a cycle in the index, from its record. Raises ValueError."""
    try:
        return _row_of(record.at, unpacked(record.stored, record.dictionary, _LEADING))
    except ValueError:  # the decision of an act is long
        return _row_of(record.at, record.body)


def _row_of(at: int, text: str) -> CycleRow:
    """Parse the leading members only. Keys are sorted, so `decision` and `head` come before what is large."""
    decoder, values, position = json.JSONDecoder(), dict[str, Any](), 1
    while "head" not in values:
        name = _NEXT.match(text, position)
        if name is None:
            raise ValueError("no head")
        values[name[1]], position = decoder.raw_decode(text, name.end())
        position += 1  # the comma
    decision, number = values["decision"], int(values["head"]["number"])
    if decision["$"] == "Act":
        return at, number, 1, "act", "", decision["votes"]
    return at, number, 0, decision["reason"], decision["detail"], decision["votes"]


@dataclass(slots=True)
class _Replay:
    """The index as it follows from the records alone."""

    network: Network
    states: dict[str, str] = field(default_factory=dict)  # by intent id, like the next two
    nonces: dict[str, int | None] = field(default_factory=dict)
    profits: dict[str, str] = field(default_factory=dict)  # only of settled intents
    settled_by: dict[str, int] = field(default_factory=dict)  # intent id -> the record that settled it last
    attempts: dict[str, str] = field(default_factory=dict)  # transaction hash -> intent id
    cycles: dict[int, CycleRow | None] = field(default_factory=dict)  # by record; None if its content was dropped
    dictionaries: dict[int, int] = field(default_factory=dict)  # Adler-32 -> record
    equity: set[int] = field(default_factory=set)  # record numbers
    final: int = 0  # the record that settled the highest final nonce
    final_nonce: int = -1
    known_nonces: str = ""
    controls: ReplayedControls = field(default_factory=ReplayedControls)
    orders: ReplayedOrders = field(default_factory=ReplayedOrders)
    fills: ReplayedFills = field(default_factory=ReplayedFills)
    positions: ReplayedPositions = field(default_factory=ReplayedPositions)
    paper: ReplayedPaper = field(default_factory=ReplayedPaper)

    def apply(self, record: Record) -> None:
        """Apply the next record."""
        if record.kind == "cycle":  # nearly all records, and the largest: only their beginning is read
            self.cycles[record.seq] = None if record.dropped else _cycle_row(record)
            return
        body = json.loads(record.body)
        self.orders.apply(record, body)
        self.fills.apply(record, body, self.network)
        self.positions.apply(record, body)
        self.paper.apply(record, body)
        match record.kind:
            case "intent":
                self.states[body["intent"]["id"]] = State.ACCEPTED if body["intent"]["signed"] else State.DRY
                self.nonces[body["intent"]["id"]] = None
            case "attempt":
                self.attempts[body["tx_hash"]] = body["intent_id"]
                self.nonces[body["intent_id"]] = body["nonce"]
                self.states[body["intent_id"]] = State.SIGNED
            case "transition" if self._is_open(body["intent_id"]):
                self.states[body["intent_id"]] = body["state"]
            case "settled":
                settled = body["settled"]
                self.states[settled["intent_id"]] = settled["outcome"]
                self.profits[settled["intent_id"]] = body["pnl"]
                self.settled_by[settled["intent_id"]] = record.seq
            case "reopened":
                self.states[body["intent_id"]] = State.SENT
                del self.profits[body["intent_id"]]
            case "final":
                nonce = self.nonces[body["intent_id"]]
                if nonce is not None and nonce > self.final_nonce:
                    self.final, self.final_nonce = self.settled_by[body["intent_id"]], nonce
            case "latch":
                self.controls.apply_halt(record.seq, body["on"], body["reason"], body["by"])
            case "flatten":
                self.controls.flatten = "on" if body["on"] else ""
            case "equity":
                self.equity.add(record.seq)
            case dictionaries.KIND:
                self.dictionaries[zlib.adler32(dictionaries.text_of(record.body))] = record.seq
            case "nonces":
                self.known_nonces = str(body["known"])

    def _is_open(self, intent_id: str) -> bool:
        return intent_id not in self.profits and self.states.get(intent_id) != State.DRY

    def index(self) -> Mapping[str, object]:
        """By the same names as `_stored_index`."""
        return {
            "intents": self.states,
            "nonces": self.nonces,
            "open intents": {intent_id for intent_id in self.states if self._is_open(intent_id)},
            "attempts": self.attempts,
            "settled": self.profits,
            "cycles": self.cycles,
            "dictionaries": self.dictionaries,
            "equity": self.equity,
            "halt reason": self.controls.halt_reason,
            "halt by Sentinel": self.controls.sentinel_halted,
            "flatten": self.controls.flatten,
            "resumption": self.controls.resumed_at,
            "final records": self.final,
            "known nonces": self.known_nonces,
            "orders": self.orders.rows,
            "reported orders": self.orders.reported,
            "fills of orders": (self.fills.rows, self.fills.rearmed),
            "positions": (self.positions.entries, self.positions.highs),
            "paper trades": self.paper.state,
        }


def _stored_index(ledger: Ledger) -> Mapping[str, object]:
    """The index as the journal's tables hold it now."""
    return {
        "intents": dict(ledger.all("SELECT id, state FROM intents")),
        "nonces": dict(ledger.all("SELECT id, nonce FROM intents")),
        "open intents": {id_ for (id_,) in ledger.all("SELECT id FROM intents WHERE finished != 1")},
        "attempts": dict(ledger.all("SELECT tx_hash, intent_id FROM attempts")),
        "settled": dict(ledger.all("SELECT intent_id, pnl FROM settled")),
        "cycles": {
            seq: None if dropped else (at, number, act, reason, detail, votes)
            for seq, at, number, act, reason, detail, votes, dropped in ledger.all(_CYCLES)
        },
        "dictionaries": dict(ledger.all("SELECT adler, seq FROM dictionaries")),
        "equity": {seq for (seq,) in ledger.all("SELECT seq FROM equity")},
        "halt reason": ledger.meta("latch") or "",
        "halt by Sentinel": ledger.meta("halted") or "",
        "flatten": ledger.meta("flatten") or "",
        "resumption": int(ledger.meta("unlatched") or 0),
        "final records": int(ledger.meta("final") or 0),
        "known nonces": ledger.meta("known_nonces") or "",
        "orders": order_records.stored(ledger),
        "reported orders": ledger.meta(order_records.REPORTED) or "",
        "fills of orders": order_fills.stored(ledger),
        "positions": position_records.stored(ledger),
        "paper trades": paper_records.stored(ledger),
    }
