"""Read the past from the journal: the closes that each cycle read, and the agent's own confirmed trades.

Each record is checked against the hash chain before it is used. The module reads only, over its own connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel.core.errors import JournalTampered
from sentinel.core.network import HexHash, Network, Symbol
from sentinel.core.valuation import whole, whole_quote
from sentinel.decide.operator_controls import FLATTEN
from sentinel.journal.journal import VERSION
from sentinel.journal.ledger import Ledger
from sentinel.journal.stored_records import GENESIS

_CLOSES = """
SELECT seq, kind, at, body, packed, prev, hash, CASE WHEN kind = 'cycle' AND (body != '' OR packed NOTNULL) THEN
    json_extract(unpacked(body, packed), '$.head.number', '$.head.hash', '$.head.parent_hash', '$.state.history') END
FROM records WHERE seq > ? ORDER BY seq LIMIT ?
"""

# A settlement counts only before block ?: both its own block and the last cycle recorded before it must be older.
_TRADES = """
SELECT s.seq, i.seq, json_extract(unpacked(ri.body, ri.packed), '$.cycle') FROM settled s
JOIN intents i ON i.id = s.intent_id JOIN records rs ON rs.seq = s.seq JOIN records ri ON ri.seq = i.seq
WHERE i.kind = 'swap' AND json_extract(unpacked(ri.body, ri.packed), '$.cycle') NOTNULL
AND json_extract(unpacked(rs.body, rs.packed), '$.settled.outcome') = 'confirmed'
AND json_extract(unpacked(rs.body, rs.packed), '$.settled.block_number') < ?
AND ifnull((SELECT number FROM cycles WHERE seq < s.seq ORDER BY seq DESC LIMIT 1), 0) < ?
ORDER BY s.seq DESC LIMIT ?
"""

# The newest trade that was decided before block ? and may have happened, as the record of its settlement says.
_LAST_TRADE = """
SELECT s.seq, json_extract(unpacked(ri.body, ri.packed), '$.cycle') FROM intents i
JOIN settled s ON s.intent_id = i.id JOIN records rs ON rs.seq = s.seq JOIN records ri ON ri.seq = i.seq
JOIN cycles c ON c.seq = json_extract(unpacked(ri.body, ri.packed), '$.cycle')
WHERE i.kind = 'swap' AND json_extract(unpacked(rs.body, rs.packed), '$.settled.outcome') IN ('confirmed', 'unknown')
AND c.number < ?
ORDER BY i.seq DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class JournalPosition:
    """The last record that was read; reading continues after it."""

    seq: int
    hash: str  # of the record, in the journal's hash chain


START = JournalPosition(0, GENESIS)


@dataclass(frozen=True, slots=True)
class JournaledCycle:
    """What a cycle read: a block, and the closes up to it."""

    number: int
    hash: str  # of the block
    parent_hash: HexHash
    history: Mapping[Symbol, Sequence[float]]


class JournalHistory:
    """A reader of one journal. Methods raise JournalError: JournalTampered if a record does not fit the hash chain."""

    def __init__(self, journal: Path, network: Network) -> None:
        self._ledger = Ledger(journal, "", VERSION, read_only=True)
        self._network = network

    def close(self) -> None:
        self._ledger.close()

    def has_position(self, position: JournalPosition) -> bool:
        """Whether this journal has the record of `position`. False if `position` was read in another journal."""
        row = self._ledger.one("SELECT hash FROM records WHERE seq = ?", position.seq, default=(GENESIS,))
        return bool(row[0] == position.hash)

    def start(self, cycles: int) -> JournalPosition:
        """The position before the newest `cycles` cycles."""
        row = self._ledger.one(
            "SELECT seq - 1, prev FROM records WHERE seq = (SELECT seq FROM cycles ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            cycles - 1,
        )
        return START if row is None else JournalPosition(*row)

    def cycles_after(self, after: JournalPosition, limit: int) -> tuple[list[JournaledCycle], JournalPosition]:
        """What the cycles among the next `limit` records read, in order, and the position of the last record."""
        cycles: list[JournaledCycle] = []
        for seq, kind, at, body, packed, prev, digest, closes in self._ledger.all(_CLOSES, after.seq, limit):
            stored = packed or body
            fits = not stored or self._ledger.fits(prev, kind, at, stored, digest)  # empty: the retention dropped it
            if seq != after.seq + 1 or prev != after.hash or not fits:
                raise JournalTampered(f"record {seq} does not match the chain of hashes")
            after = JournalPosition(seq, digest)
            if closes is not None:
                number, block_hash, parent_hash, history = json.loads(closes)
                if history is not None:
                    cycles.append(JournaledCycle(number, block_hash, parent_hash, history))
        return cycles, after

    def trades(self, before: int, limit: int) -> list[dict[str, float | str]]:
        """Own swaps that were confirmed and settled before block `before`, newest first. Whole tokens."""
        rows = self._ledger.all(_TRADES, before, before, limit)
        trades = (self._trade(before, *map(self._body, row)) for row in rows)
        return [trade for trade in trades if trade is not None]

    def last_trade(self, before: int) -> int | None:
        """Chain time of the block that the newest own swap was decided on, in Unix seconds; None if there is none.

        Only decisions on blocks before `before` count. The operator's sales count too.
        """
        row = self._ledger.one(_LAST_TRADE, before)
        if row is None:
            return None
        _, cycle = map(self._body, row)  # both must fit the chain of hashes
        return int(cycle["head"]["timestamp"])

    def _trade(self, before: int, settled: Any, accepted: Any, cycle: Any) -> dict[str, float | str] | None:
        """The trade of a settlement, from the records of settlement, intent and cycle. None if it does not count."""
        decision = accepted["intent"]["decision"]
        simulation = decision["simulation"]
        legs = [route["legs"] for route in simulation["candidate"]["action"]["routes"]]
        sold, bought = legs[0][0]["token_in"], legs[0][-1]["token_out"]
        if (cycle.get("proposal") or {}).get("source") == FLATTEN:  # the operator's sale, no decision of the agent
            return None
        if sold not in self._network.tokens or settled["settled"]["intent_id"] != accepted["intent"]["id"]:
            return None
        trade: dict[str, float | str] = {
            "age": before - int(settled["settled"]["block_number"]),
            "token_in": sold,
            "token_out": bought,
            "amount": whole(int(simulation["gross"]), sold, self._network),
            "notional": whole_quote(int(accepted["volume"]), self._network),
            "pnl": whole_quote(int(settled["pnl"]), self._network),
            "votes": int(decision["votes"]),
            "asked": int(decision["asked"]),
        }
        if settled["drift_bps"] is not None:
            trade["drift_bps"] = float(settled["drift_bps"])
        return {name: _short(value) for name, value in trade.items()}

    def _body(self, seq: int) -> Any:
        row = self._ledger.one("SELECT prev, kind, at, ifnull(packed, body), hash FROM records WHERE seq = ?", seq)
        if row is None or not self._ledger.fits(*row):
            raise JournalTampered(f"record {seq} does not match its hash")
        return json.loads(self._ledger.text(row[3]))


def _short(value: float | str) -> float | str:
    return float(f"{value:.7g}") if isinstance(value, float) else value
