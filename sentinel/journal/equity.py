"""The equity series in the journal: the wallet's balances at a block, and the prices that they are valued at.

There is one point after each settlement, and otherwise at most one per hour: about 9,000 per year in addition to the
trades' own points, half a kilobyte each.
"""

from __future__ import annotations

import json

from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE
from sentinel.core.transaction import EquityPoint, Settled
from sentinel.core.units import HOUR
from sentinel.core.valuation import reference_prices
from sentinel.journal.ledger import Ledger
from sentinel.journal.performance import OwnTransaction
from sentinel.journal.serialization import decode, dumps, loads

TABLE = """
CREATE TABLE equity (
    seq INTEGER PRIMARY KEY REFERENCES records, at INTEGER NOT NULL, block INTEGER NOT NULL  -- at: Unix milliseconds
) STRICT;
"""
EVERY = HOUR  # seconds between points while nothing settles


class EquitySeries:
    """Reads and adds the points of the series."""

    def __init__(self, ledger: Ledger, table: str = "equity", ends: str = "settled") -> None:
        """`table` is the index and the kind of the points; `ends` is the table of the trades that change them."""
        self._ledger = ledger
        self._table, self._ends = table, ends

    def observe(self, state: MarketState, *, due: bool = False) -> bool:
        """Add a point if one is due, or if `due` says so, and return whether it was added. Raises JournalError.

        `state` must have been read while no intent was open.
        """
        now = self._ledger.clock()
        last = self._ledger.one(f"SELECT seq, at, block FROM {self._table} ORDER BY seq DESC LIMIT 1")
        if last is not None:
            seq, at, block = last
            settled = self._ledger.one(f"SELECT 1 FROM {self._ends} WHERE seq > ? LIMIT 1", seq) is not None
            if state.head.number <= block or not (due or settled or now - at / 1000 >= EVERY):
                return False
        point = EquityPoint(int(now), state.head.number, dict(state.balances), reference_prices(state))
        with self._ledger.transaction():
            added = self._ledger.append(self._table, dumps(point))
            self._ledger.execute(f"INSERT INTO {self._table} VALUES (?,?,?)", added.seq, added.at, point.block)
        return True

    def points(self) -> tuple[EquityPoint, ...]:
        """All points, oldest first."""
        rows = self._ledger.all(
            f"SELECT unpacked(body, packed) FROM {self._table} JOIN records USING (seq) ORDER BY seq"
        )
        return tuple(loads(EquityPoint, body) for (body,) in rows)

    def last(self) -> tuple[int, EquityPoint] | None:
        """The newest point, and the number of its record."""
        row = self._ledger.one(
            f"SELECT seq, unpacked(body, packed) FROM {self._table} JOIN records USING (seq) ORDER BY seq DESC LIMIT 1"
        )
        return None if row is None else (int(row[0]), loads(EquityPoint, row[1]))

    def tip(self) -> int:
        """The number of the newest record of any kind."""
        return int(self._ledger.meta("count") or 0)

    def own(self, after: int = 0) -> tuple[OwnTransaction, ...]:
        """Our own mined transactions, in the order of their settlements; those settled by a record after `after`."""
        rows = self._ledger.all(
            "SELECT unpacked(body, packed), ended.at, kind_of.kind, outcome "
            f"FROM {self._ends} AS ended JOIN records USING (seq) "
            "JOIN intents AS kind_of ON kind_of.id = intent_id WHERE ended.seq > ? ORDER BY ended.seq",
            after,
        )
        transactions = []
        for body, at, kind, outcome in rows:
            entry = json.loads(body)
            settled = decode(Settled, entry["settled"])
            if settled.block_number is None:
                continue
            changes = dict(settled.realised)
            changes[NATIVE] = changes.get(NATIVE, 0) - settled.gas_cost
            transactions.append(
                OwnTransaction(
                    block=settled.block_number,
                    at=at // 1000,
                    changes=changes,
                    trade=(kind, outcome) == ("swap", "confirmed"),
                    gas_cost=settled.gas_cost,
                    gas_quote=int(entry.get("gas", 0)),
                    pnl=int(entry["pnl"]),
                )
            )
        return tuple(transactions)
