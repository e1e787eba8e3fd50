"""The paper wallet in the journal: where it started, what its trades measured, and its equity. A dry run alone has one.

Paper trades are kept apart from real ones, in records and tables of their own. While the paper wallet is on, orders,
positions and daily limits count them; a live start turns it off, and then only real trades count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel.core.actions import Swap
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.transaction import Intent, Outcome, Settled, shortfall_bps
from sentinel.core.valuation import value
from sentinel.journal import order_fills, reports
from sentinel.journal.equity import EquitySeries
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical, decode, encode
from sentinel.journal.stored_records import Record

TABLES = """
CREATE TABLE paper_equity (
    seq INTEGER PRIMARY KEY REFERENCES records, at INTEGER NOT NULL, block INTEGER NOT NULL  -- at: Unix milliseconds
) STRICT;
CREATE TABLE paper_fills (
    intent_id TEXT PRIMARY KEY REFERENCES intents, seq INTEGER NOT NULL UNIQUE REFERENCES records, at INTEGER NOT NULL,
    outcome TEXT NOT NULL, pnl TEXT NOT NULL, drift_bps REAL, volume TEXT NOT NULL  -- as in `settled` and `intents`
) STRICT;
"""
ON = "paper"  # key: "on" while the paper wallet is in use
START = "paper_start"  # key of the record that started it, and the kind of that record


class PaperRecords:
    """Reads and writes the paper wallet. Each change is durable when its method returns. Raises JournalError."""

    def __init__(self, ledger: Ledger, network: Network) -> None:
        self._ledger = ledger
        self._network = network
        self.equity = EquitySeries(ledger, "paper_equity", "paper_fills")

    @property
    def on(self) -> bool:
        """Whether the paper wallet is in use."""
        return self._ledger.meta(ON) == "on"

    @property
    def started(self) -> bool:
        """Whether there ever was one."""
        return bool(self._ledger.meta(START))

    def begin(self, wanted: Mapping[Symbol, int], state: MarketState) -> bool:
        """Use the paper wallet from now on, and return whether it is a new one.

        It goes on as it was, unless `wanted` differs from what it was started with. A new one holds `wanted`, or what
        the chain says (`state`) if that is empty. The trades and the equity of an earlier one no longer count.
        """
        text = canonical({symbol: str(amount) for symbol, amount in sorted(wanted.items())})
        if self.started and self._start()["wanted"] == text:
            with self._ledger.transaction():
                self._switch(True)
            return False
        held = {symbol: wanted.get(symbol, 0) for symbol in state.balances} if wanted else dict(state.balances)
        body = {"wanted": text, "balances": encode(held), "block": state.head.number}
        with self._ledger.transaction():
            added = self._ledger.append(START, canonical(body))
            for table in ("paper_equity", "paper_fills"):
                self._ledger.execute(f"DELETE FROM {table}")
            self._ledger.execute("DELETE FROM order_fills WHERE paper = 1")
            self._ledger.set_meta(START, str(added.seq))
            self._switch(True)
        return True

    def end(self) -> None:
        """Live trading starts: only real trades count from now on. The paper wallet itself is kept."""
        if self.on:
            with self._ledger.transaction():
                self._switch(False)

    def balances(self) -> dict[Symbol, int]:
        """What it holds now, base units. Call it only after `begin`."""
        held: dict[Symbol, int] = decode(Mapping[Symbol, int], self._start()["balances"])
        for own in self.equity.own():
            for symbol, change in own.changes.items():
                held[symbol] = held.get(symbol, 0) + change
        return held

    def fill(self, intent: Intent, settled: Settled) -> None:
        """Record what a trade of the dry run would have done, as measured."""
        prices = reports.intent_of(self._ledger, intent.id)[1]
        gas = -value({NATIVE: -settled.gas_cost}, prices, self._network)
        pnl = value(settled.realised, prices, self._network) - gas
        simulation = intent.decision.simulation
        confirmed = settled.outcome is Outcome.CONFIRMED
        drift = reports.turned(shortfall_bps(simulation, settled) if confirmed else None)
        action = simulation.candidate.action
        gross = {action.token_in: simulation.gross} if isinstance(action, Swap) and confirmed else {}
        volume = str(value(gross, prices, self._network))
        body = {"settled": encode(settled), "pnl": str(pnl), "gas": str(gas), "drift_bps": drift, "volume": volume}
        with self._ledger.transaction():
            added = self._ledger.append("paper_fill", canonical(body))
            self._ledger.execute(
                "INSERT INTO paper_fills VALUES (?,?,?,?,?,?,?)",
                *(intent.id, added.seq, added.at, settled.outcome.value, str(pnl), drift, volume),
            )
            order_fills.filled_on_paper(self._ledger, self._network, intent, settled, added)

    def _start(self) -> dict[str, Any]:
        (body,) = self._ledger.one(
            "SELECT unpacked(body, packed) FROM records WHERE seq = ?", int(self._ledger.meta(START) or 0)
        )
        return dict(json.loads(body))

    def _switch(self, on: bool) -> None:
        if self.on != on:
            self._ledger.append("paper", canonical({"on": on}))
            self._ledger.set_meta(ON, "on" if on else "")


@dataclass(slots=True)
class ReplayedPaper:
    """The tables as they follow from the records alone, which `verify` compares with the index."""

    on: str = ""
    start: str = ""
    fills: dict[str, tuple[int, str, str]] = field(default_factory=dict)  # intent -> record, outcome, pnl
    equity: set[int] = field(default_factory=set)  # record numbers

    def apply(self, record: Record, body: Mapping[str, Any]) -> None:
        """Apply a record of any kind."""
        match record.kind:
            case "paper":
                self.on = "on" if body["on"] else ""
            case "paper_start":
                self.start = str(record.seq)
                self.fills.clear()
                self.equity.clear()
            case "paper_equity":
                self.equity.add(record.seq)
            case "paper_fill":
                settled = body["settled"]
                self.fills[settled["intent_id"]] = record.seq, settled["outcome"], body["pnl"]

    @property
    def state(self) -> tuple[object, ...]:
        """In the form of `stored`."""
        return self.on, self.start, self.fills, self.equity


def stored(ledger: Ledger) -> tuple[object, ...]:
    """The tables as they are in the file."""
    fills = {id_: tuple(row) for id_, *row in ledger.all("SELECT intent_id, seq, outcome, pnl FROM paper_fills")}
    equity = {seq for (seq,) in ledger.all("SELECT seq FROM paper_equity")}
    return ledger.meta(ON) or "", ledger.meta(START) or "", fills, equity
