"""Which trades an order has made, by clause: the index of the intents that carry an order, and the rearmed clauses.

A row is written when an intent is accepted, follows its settlement, and goes back when a reorg opens it again. An
intent that is open, or whose outcome is unknown, may have traded: it counts as a fill at the time that it was decided
for, and its input as spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sentinel.core.actions import Swap
from sentinel.core.errors import JournalError
from sentinel.core.network import Network
from sentinel.core.transaction import Intent, Outcome, Settled
from sentinel.core.units import DAY
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical, decode
from sentinel.journal.stored_records import Record
from sentinel.orders.playing.situation import Fill

TABLES = """
CREATE TABLE order_fills (
    intent_id TEXT PRIMARY KEY REFERENCES intents, seq INTEGER NOT NULL,  -- seq: the record that accepted it
    order_hash TEXT NOT NULL, clause INTEGER NOT NULL,
    filled_at INTEGER,    -- chain time in seconds; NULL if it ended without a trade
    spent TEXT NOT NULL   -- base units of the quote token that went into a buy
) STRICT;
CREATE INDEX fills_of_order ON order_fills (order_hash, seq);
CREATE TABLE rearmed (
    order_hash TEXT NOT NULL, clause INTEGER NOT NULL, at INTEGER NOT NULL,  -- at: chain time in seconds
    PRIMARY KEY (order_hash, clause)
) STRICT, WITHOUT ROWID;
"""

# Added by schema 4: 1 for a trade of a paper wallet, which counts only while that is in use.
PAPER = "ALTER TABLE order_fills ADD COLUMN paper INTEGER NOT NULL DEFAULT 0;"

Row = tuple[int | None, str]  # filled_at, spent


def accepted(ledger: Ledger, network: Network, intent: Intent, seq: int) -> None:
    """Index an intent that carries an order. Call it only inside `transaction`.

    Raises JournalError if it names an order without a clause, or a clause without an order.
    """
    if (intent.order_hash is None) != (intent.clause is None):
        raise JournalError(f"intent {intent.id} names an order or a clause, but not both")
    if intent.order_hash is not None and intent.signed:
        _add(ledger, intent, seq, _open_row(intent, network), paper=0)


def filled_on_paper(ledger: Ledger, network: Network, intent: Intent, end: Settled, record: Record) -> None:
    """Index a trade of a paper wallet, which `record` holds. Call it only inside `transaction`."""
    if intent.order_hash is not None:
        _add(ledger, intent, record.seq, _settled_row(intent, network, end, record.at), paper=1)


def _add(ledger: Ledger, intent: Intent, seq: int, row: Row, *, paper: int) -> None:
    ledger.execute(
        "INSERT INTO order_fills (intent_id, seq, order_hash, clause, filled_at, spent, paper) VALUES (?,?,?,?,?,?,?)",
        *(intent.id, seq, intent.order_hash, intent.clause, *row, paper),
    )


def settled(ledger: Ledger, network: Network, intent: Intent, end: Settled, at: int) -> None:
    """Follow a settlement, recorded at `at` (Unix milliseconds). Call it only inside `transaction`."""
    _set(ledger, intent, _settled_row(intent, network, end, at))


def reopened(ledger: Ledger, network: Network, intent: Intent) -> None:
    """The intent is open again. Call it only inside `transaction`."""
    _set(ledger, intent, _open_row(intent, network))


def _set(ledger: Ledger, intent: Intent, row: Row) -> None:
    ledger.execute("UPDATE order_fills SET filled_at = ?, spent = ? WHERE intent_id = ?", *row, intent.id)


def _open_row(intent: Intent, network: Network) -> Row:
    simulation = intent.decision.simulation
    action = simulation.candidate.action
    buys = isinstance(action, Swap) and action.token_in == network.quote and not action.is_cycle
    return intent.env.timestamp, str(simulation.gross if buys else 0)


def _settled_row(intent: Intent, network: Network, end: Settled, at: int) -> Row:
    filled_at, spent = _open_row(intent, network)
    if end.outcome is Outcome.CONFIRMED:
        if spent != "0" and not end.unread:
            spent = str(max(0, -end.realised.get(network.quote, 0)))
        return end.mined_at or at // 1000, spent
    return (filled_at, spent) if end.outcome is Outcome.UNKNOWN else (None, "0")


class OrderFills:
    """Reads the fills of an order since it was last set; writes which clauses are rearmed."""

    def __init__(self, ledger: Ledger, network: Network) -> None:
        self._ledger = ledger
        self._network = network

    @property
    def _paper(self) -> int:
        return int(self._ledger.meta("paper") == "on")

    def fills(self, order_hash: str) -> tuple[Fill, ...]:
        """The confirmed trades of the order, and what may become one (see above), oldest first."""
        rows = self._ledger.all(
            "SELECT filled_at, clause FROM order_fills WHERE order_hash = ? AND seq > ? AND filled_at NOTNULL "
            "AND paper = ? ORDER BY filled_at, seq",
            *(order_hash, self._set_by(order_hash), self._paper),
        )
        return tuple(Fill(at, clause) for at, clause in rows)

    def bought_today(self, order_hash: str, now: int) -> Decimal:
        """Quote tokens that the order spent on buys since 00:00 UTC of `now`, chain time in seconds."""
        rows = self._ledger.all(
            "SELECT spent FROM order_fills WHERE order_hash = ? AND seq > ? AND filled_at >= ? AND paper = ?",
            *(order_hash, self._set_by(order_hash), now // DAY * DAY, self._paper),
        )
        decimals = self._network.tokens[self._network.quote].decimals
        return Decimal(sum(int(spent) for (spent,) in rows)).scaleb(-decimals)

    def rearm(self, order_hash: str, clause: int, at: int) -> None:
        """Record that the condition of the clause was false at chain time `at`, which must be after its last fill.

        Has no effect while the clause is rearmed. Durable when it returns.
        """
        if clause in self.rearmed(order_hash):
            return
        with self._ledger.transaction():
            self._ledger.append("rearmed", canonical({"order_hash": order_hash, "clause": clause, "at": at}))
            self._ledger.execute("INSERT OR REPLACE INTO rearmed VALUES (?,?,?)", order_hash, clause, at)

    def rearmed(self, order_hash: str) -> frozenset[int]:
        """The clauses whose condition was false after their last fill. A fill that a reorg takes away rearms them."""
        last = {fill.clause: fill.time for fill in self.fills(order_hash)}
        rows = self._ledger.all("SELECT clause, at FROM rearmed WHERE order_hash = ?", order_hash)
        return frozenset(clause for clause, at in rows if at > last.get(clause, -1))

    def _set_by(self, order_hash: str) -> int:
        """The number of the record that set this order last; 0 if none did."""
        return int(self._ledger.one("SELECT ifnull(max(seq), 0) FROM orders WHERE hash = ?", order_hash)[0])


@dataclass(slots=True)
class ReplayedFills:
    """The two tables as they follow from the records alone, which `verify` compares with the index."""

    network: Network | None = None
    rows: dict[str, tuple[str, int, int | None, str, int]] = field(default_factory=dict)  # by intent id
    rearmed: dict[tuple[str, int], int] = field(default_factory=dict)
    _intents: dict[str, Intent] = field(default_factory=dict)

    def apply(self, record: Record, body: Mapping[str, Any], network: Network) -> None:
        """Apply a record of any kind."""
        match record.kind:
            case "intent" if body["intent"].get("order_hash") is not None:
                intent = decode(Intent, body["intent"])
                self._intents[intent.id] = intent
                if intent.signed:
                    self._put(intent, _open_row(intent, network))
            case "paper_start":
                self.rows = {id_: row for id_, row in self.rows.items() if not row[4]}
            case "paper_fill" if (known := self._intents.get(body["settled"]["intent_id"])) is not None:
                self._put(known, _settled_row(known, network, decode(Settled, body["settled"]), record.at), 1)
            case "settled" if (known := self._intents.get(body["settled"]["intent_id"])) is not None:
                self._put(known, _settled_row(known, network, decode(Settled, body["settled"]), record.at))
            case "reopened" if (known := self._intents.get(body["intent_id"])) is not None:
                self._put(known, _open_row(known, network))
            case "rearmed":
                self.rearmed[body["order_hash"], body["clause"]] = body["at"]

    def _put(self, intent: Intent, row: Row, paper: int = 0) -> None:
        self.rows[intent.id] = (intent.order_hash or "", intent.clause or 0, *row, paper)


def stored(ledger: Ledger) -> tuple[dict[str, tuple[str, int, int | None, str, int]], dict[tuple[str, int], int]]:
    """The two tables as they are in the file, in the form of `ReplayedFills`."""
    fills = ledger.all("SELECT intent_id, order_hash, clause, filled_at, spent, paper FROM order_fills")
    rearmed = ledger.all("SELECT order_hash, clause, at FROM rearmed")
    return {id_: tuple(row) for id_, *row in fills}, {(hash_, clause): at for hash_, clause, at in rearmed}
