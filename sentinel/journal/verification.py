"""The check of the journal's index: the records are replayed, and the result is compared with the index. Read-only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from sentinel.core.errors import JournalTampered
from sentinel.core.network import Network
from sentinel.journal import order_fills, order_records, position_records
from sentinel.journal.control_records import ReplayedControls
from sentinel.journal.ledger import Ledger, Record
from sentinel.journal.order_fills import ReplayedFills
from sentinel.journal.order_records import ReplayedOrders
from sentinel.journal.position_records import ReplayedPositions
from sentinel.journal.states import State


def verify(ledger: Ledger, network: Network) -> int:
    """Replay every record and compare the result with the index. Returns the number of records.

    Raises JournalTampered at the first difference, or at the first record that breaks the hash chain.
    """
    replayed, count = _Replay(network), 0
    for record in ledger.records():
        count += 1
        replayed.apply(record)
    expected = replayed.index()
    for name, stored in _stored_index(ledger).items():
        if stored != expected[name]:
            raise JournalTampered(f"the journal's index of {name} does not agree with its records")
    return count


@dataclass(slots=True)
class _Replay:
    """The index as it follows from the records alone."""

    network: Network
    states: dict[str, str] = field(default_factory=dict)  # by intent id, like the next two
    nonces: dict[str, int | None] = field(default_factory=dict)
    profits: dict[str, str] = field(default_factory=dict)  # only of settled intents
    settled_by: dict[str, int] = field(default_factory=dict)  # intent id -> the record that settled it last
    attempts: dict[str, str] = field(default_factory=dict)  # transaction hash -> intent id
    cycles: set[int] = field(default_factory=set)  # record numbers
    equity: set[int] = field(default_factory=set)  # record numbers
    final: int = 0  # the record that settled the highest final nonce
    final_nonce: int = -1
    known_nonces: str = ""
    controls: ReplayedControls = field(default_factory=ReplayedControls)
    orders: ReplayedOrders = field(default_factory=ReplayedOrders)
    fills: ReplayedFills = field(default_factory=ReplayedFills)
    positions: ReplayedPositions = field(default_factory=ReplayedPositions)

    def apply(self, record: Record) -> None:
        """Apply the next record."""
        body = json.loads(record.body)
        self.orders.apply(record, body)
        self.fills.apply(record, body, self.network)
        self.positions.apply(record, body)
        match record.kind:
            case "cycle":
                self.cycles.add(record.seq)
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
        }


def _stored_index(ledger: Ledger) -> Mapping[str, object]:
    """The index as the journal's tables hold it now."""
    return {
        "intents": dict(ledger.all("SELECT id, state FROM intents")),
        "nonces": dict(ledger.all("SELECT id, nonce FROM intents")),
        "open intents": {id_ for (id_,) in ledger.all("SELECT id FROM intents WHERE finished != 1")},
        "attempts": dict(ledger.all("SELECT tx_hash, intent_id FROM attempts")),
        "settled": dict(ledger.all("SELECT intent_id, pnl FROM settled")),
        "cycles": {seq for (seq,) in ledger.all("SELECT seq FROM cycles")},
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
    }
