"""What the journal tells of the past: closes by cycle, and own trades that were confirmed.

Every record used is compared with the chain of hashes first. Reads only, over a connection of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel.core.errors import JournalTampered
from sentinel.core.network import HexHash, Network, Symbol
from sentinel.core.valuation import whole, whole_quote
from sentinel.decide.operator_controls import FLATTEN
from sentinel.journal.journal import VERSION
from sentinel.journal.ledger import GENESIS, Ledger, link

_PLAYBOOK = re.compile(r"^Playbook: ([a-z_]{1,32})$", re.MULTILINE)  # a line of the prompt, which we wrote

_CLOSES = """
SELECT seq, kind, at, body, prev, hash, CASE kind WHEN 'cycle' THEN
    json_extract(body, '$.head.number', '$.head.hash', '$.head.parent_hash', '$.state.history') END
FROM records WHERE seq > ? ORDER BY seq LIMIT ?
"""

# A settlement is known from the block that it happened in, and from the cycle after the one it was written behind.
_TRADES = """
SELECT s.seq, i.seq, json_extract(ri.body, '$.cycle') FROM settled s
JOIN intents i ON i.id = s.intent_id JOIN records rs ON rs.seq = s.seq JOIN records ri ON ri.seq = i.seq
WHERE i.kind = 'swap' AND json_extract(ri.body, '$.cycle') NOTNULL
AND json_extract(rs.body, '$.settled.outcome') = 'confirmed' AND json_extract(rs.body, '$.settled.block_number') < ?
AND ifnull((SELECT number FROM cycles WHERE seq < s.seq ORDER BY seq DESC LIMIT 1), 0) < ?
ORDER BY s.seq DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class JournalPosition:
    """A record of the journal: where reading goes on."""

    seq: int
    hash: str  # of the record, in the journal's chain of them


START = JournalPosition(0, GENESIS)


@dataclass(frozen=True, slots=True)
class JournaledCycle:
    """What a cycle read: a block and the closes up to it."""

    number: int
    hash: str  # of the record, in the journal's chain of them
    parent_hash: HexHash
    history: Mapping[Symbol, Sequence[float]]


class JournalHistory:
    """All raise JournalError; JournalTampered where a record does not fit the chain."""

    def __init__(self, journal: Path, network: Network) -> None:
        self._ledger = Ledger(journal, "", VERSION, read_only=True)
        self._network = network

    def close(self) -> None:
        self._ledger.close()

    def has_position(self, place: JournalPosition) -> bool:
        """False where this is another journal than the one that the place was read in."""
        found = self._ledger.one("SELECT hash FROM records WHERE seq = ?", place.seq, default=(GENESIS,))
        return bool(found[0] == place.hash)

    def start(self, cycles: int) -> JournalPosition:
        """Before the newest so many cycles."""
        row = self._ledger.one(
            "SELECT seq - 1, prev FROM records WHERE seq = (SELECT seq FROM cycles ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            cycles - 1,
        )
        return START if row is None else JournalPosition(*row)

    def cycles_after(self, after: JournalPosition, limit: int) -> tuple[list[JournaledCycle], JournalPosition]:
        """What the cycles of the next `limit` records read, in their order, and the last of those records."""
        found: list[JournaledCycle] = []
        for seq, kind, at, body, prev, digest, closes in self._ledger.all(_CLOSES, after.seq, limit):
            if seq != after.seq + 1 or prev != after.hash or link(prev, kind, at, body) != digest:
                raise JournalTampered(f"record {seq} does not match the chain of hashes")
            after = JournalPosition(seq, digest)
            if closes is not None:
                number, own, parent, history = json.loads(closes)
                if history is not None:
                    found.append(JournaledCycle(number, own, parent, history))
        return found, after

    def trades(self, before: int, limit: int) -> list[dict[str, float | str]]:
        """Own swaps that were confirmed and settled before block `before`, newest first. Whole tokens."""
        rows = self._ledger.all(_TRADES, before, before, limit)
        told = (self._told(before, *map(self._body, row)) for row in rows)
        return [trade for trade in told if trade is not None]

    def _told(self, before: int, settled: Any, accepted: Any, cycle: Any) -> dict[str, float | str] | None:
        decision = accepted["intent"]["decision"]
        simulation = decision["simulation"]
        legs = [route["legs"] for route in simulation["candidate"]["action"]["routes"]]
        sold, bought = legs[0][0]["token_in"], legs[0][-1]["token_out"]
        if (cycle.get("proposal") or {}).get("source") == FLATTEN:  # nothing to learn from
            return None
        if sold not in self._network.tokens or settled["settled"]["intent_id"] != accepted["intent"]["id"]:
            return None
        trade: dict[str, float | str] = {
            "age": before - int(settled["settled"]["block_number"]),
            "playbook": _playbook(cycle),
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
        row = self._ledger.one("SELECT prev, kind, at, body, hash FROM records WHERE seq = ?", seq)
        if row is None or link(*row[:4]) != row[4]:
            raise JournalTampered(f"record {seq} does not match its hash")
        return json.loads(row[3])


def _playbook(cycle: Any) -> str:
    """Of the prompt's first request, which no model wrote."""
    prompt = (cycle.get("proposal") or {}).get("prompt") or []
    request = next((message["content"] for message in prompt if message["role"] == "user"), "")
    found = _PLAYBOOK.search(request)
    return found.group(1) if found else ""


def _short(value: float | str) -> float | str:
    return float(f"{value:.7g}") if isinstance(value, float) else value
