"""The journal: decisions, attempts and settlements, each committed before the next step depends on it.

Facts are appended as hash-chained records (`ledger`); the tables below are their index, kept in the same transaction
and compared with the records by `verify`. One journal belongs to one wallet on one chain.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sentinel.core.decision import Act
from sentinel.core.errors import ChainMismatch
from sentinel.core.mandate import Spent
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Attempt, Counterfactual, Intent, Settled
from sentinel.core.valuation import reference_prices
from sentinel.decide.operator_controls import Purpose
from sentinel.journal import equity, intents, migrations, reports
from sentinel.journal.control_records import ControlRecords
from sentinel.journal.equity import EquitySeries
from sentinel.journal.intents import OpenIntent
from sentinel.journal.ledger import Ledger
from sentinel.journal.reports import CycleLine, JournalSummary, Trade
from sentinel.journal.serialization import canonical, dumps, loads
from sentinel.journal.states import State

VERSION = 2
_TABLES = """
CREATE TABLE cycles (
    seq INTEGER PRIMARY KEY REFERENCES records, at INTEGER NOT NULL, number INTEGER NOT NULL, act INTEGER NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, votes INTEGER NOT NULL, asked INTEGER NOT NULL,
    parsed INTEGER NOT NULL, simulated INTEGER NOT NULL, intent_id TEXT
) STRICT;
CREATE TABLE intents (
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE REFERENCES records, at INTEGER NOT NULL,
    chain_id INTEGER NOT NULL, wallet TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
    finished INTEGER NOT NULL, nonce INTEGER, volume TEXT NOT NULL  -- base units of the quote token
) STRICT;
CREATE UNIQUE INDEX one_unfinished ON intents (chain_id, wallet) WHERE finished = 0;
CREATE UNIQUE INDEX nonce_of_one_intent ON intents (nonce, chain_id, wallet) WHERE nonce IS NOT NULL;
CREATE TABLE attempts (
    tx_hash TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE REFERENCES records,
    intent_id TEXT NOT NULL REFERENCES intents, nonce INTEGER NOT NULL
) STRICT;
CREATE TABLE settled (
    intent_id TEXT PRIMARY KEY REFERENCES intents, seq INTEGER NOT NULL UNIQUE REFERENCES records, at INTEGER NOT NULL,
    outcome TEXT NOT NULL, pnl TEXT NOT NULL, drift_bps REAL
) STRICT;
"""


class Journal:
    """Use `Journal.open`. Synchronous: a change is durable when its method returns. Raises JournalError."""

    def __init__(self, ledger: Ledger, network: Network, wallet: str, genesis: str) -> None:
        self._ledger = ledger
        self.standing = ControlRecords(ledger)
        self.equity = EquitySeries(ledger)
        self.genesis = genesis  # as `open` takes it
        self._network = network
        self._who = (network.chain_id, wallet.lower())

    @classmethod
    def open(
        cls,
        path: Path,
        network: Network,
        genesis: str | None,
        wallet: str | None,
        *,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> Journal:
        """`genesis` is the hash of the pinned block, or of block 0 where none is pinned. None: as the file itself says.

        Raises WalletBusy, ChainMismatch (the file belongs to another chain or wallet) or JournalError.
        """
        tables = _TABLES + equity.TABLE
        ledger = Ledger(path, tables, VERSION, steps=migrations.STEPS, read_only=read_only, clock=clock)
        try:
            found = ledger.meta("owner")
            named = json.loads(found or "{}")
            genesis, wallet = (
                (named.get(name, "") if given is None else given).lower()
                for name, given in (("genesis", genesis), ("wallet", wallet))
            )
            owner = canonical({"chain_id": network.chain_id, "genesis": genesis, "wallet": wallet})
            if found is None and wallet and not read_only:
                with ledger.transaction():
                    ledger.append("note", canonical({"text": "opened", "owner": owner}))
                    ledger.set_meta("owner", owner)
            elif found != owner:
                raise ChainMismatch(_mismatch(path, named, json.loads(owner)))
        except BaseException:
            ledger.close()
            raise
        return cls(ledger, network, wallet, genesis)

    def close(self) -> None:
        self._ledger.close()

    # ---------------------------------------------------------------- cycles and intents

    def record(self, record: CycleRecord) -> None:
        with self._ledger.transaction():
            self._add_cycle(record)

    def accept(self, record: CycleRecord | None, intent: Intent) -> None:
        """Commit cycle and intent together (`record`: None without a cycle). An unsigned intent ends at once."""
        self._accept(record, intent, record.state if record is not None else None)

    def accept_order(self, intent: Intent, state: MarketState) -> None:
        """An intent that no cycle decided, marked at the prices of `state`."""
        self._accept(None, intent, state)

    def _accept(self, record: CycleRecord | None, intent: Intent, state: MarketState | None) -> None:
        prices = reference_prices(state) if state is not None else {}
        with self._ledger.transaction():
            cycle = self._add_cycle(record) if record is not None else None
            intents.accept(self._ledger, self._who, self._network, intent, prices, cycle)

    def attempt(self, attempt: Attempt) -> None:
        """Committed before any send. Raises JournalError where the nonce is another's, or the intent has ended."""
        intents.attempt(self._ledger, attempt)

    def transition(self, intent_id: str, state: State, **facts: str | int | float | None) -> None:
        """A step on the way of an intent, with what was seen. Raises JournalError for one that `states` has not."""
        intents.transition(self._ledger, intent_id, state, facts)

    def settle(self, settled: Settled) -> int:
        """The end of an intent; gives its profit (negative: loss) in base units of the quote token, gas included."""
        return intents.settle(self._ledger, self._network, settled)

    def reopen(self, intent_ids: Iterable[str], why: str) -> None:
        """A reorg took their blocks, or they were unknown and a late receipt came: the lowest nonce of them is open
        again, all else that is not ended waits."""
        intents.reopen(self._ledger, intent_ids, why)

    def finalise(self, intent_ids: Iterable[str], block: int) -> None:
        """Record that these intents are in or below the finalized `block`."""
        intents.finalise(self._ledger, intent_ids, block)

    def counterfactual(self, found: Counterfactual) -> None:
        with self._ledger.transaction():
            self._ledger.append("counterfactual", dumps(found))

    def open_intents(self) -> tuple[OpenIntent, ...]:
        """The open intent, then those that wait for it: a reorg has opened it again beneath them."""
        return intents.open_intents(self._ledger)

    def is_open(self, intent_id: str) -> bool:
        row = self._ledger.one("SELECT 1 FROM intents WHERE id = ? AND finished != 1", intent_id)
        return row is not None

    def not_final(self) -> tuple[Settled, ...]:
        """Mined and ended, but within the reach of a reorg; lowest nonce first."""
        return intents.not_final(self._ledger)

    def unknown(self) -> tuple[str, ...]:
        """The ids of intents that ended as unknown, oldest first."""
        return intents.unknown(self._ledger)

    def attempts(self, intent_id: str) -> tuple[Attempt, ...]:
        return intents.attempts(self._ledger, intent_id)

    def next_nonce(self) -> int:
        """One above the highest nonce that any intent ever held; 0 where none did."""
        return int(self._ledger.one("SELECT ifnull(max(nonce) + 1, 0) FROM intents")[0])

    # ---------------------------------------------------------------- the halt

    @property
    def halt_reason(self) -> str | None:
        return self._ledger.meta("latch") or None

    def halt(self, reason: str, by: str = "sentinel") -> None:
        """As `ControlRecords.halt`."""
        self.standing.halt(reason, by)

    def resume(self, by: str) -> None:
        """Only an operator's command calls this (I25)."""
        self.standing.release(by)

    def configured(self, *, by: str, changed: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """The reloadable settings that are in force from here on: at each start, and with each reload."""
        with self._ledger.transaction():
            self._ledger.append("config", canonical({"by": by, "changed": changed, "values": values}))

    def config_of(self, cycle: int | str) -> dict[str, Any] | None:
        """The values that a cycle (see `get_cycle`) was decided with; None where the journal is older than that."""
        return reports.config_of(self._ledger, cycle)

    def bar(self, purpose: Purpose) -> str | None:
        """The reason why nothing of this purpose may be sent now; None if it may."""
        return self.standing.controls.bar(purpose)

    # ---------------------------------------------------------------- reading

    def spent_today(self, now: float) -> Spent:
        """Totals of the UTC day."""
        return reports.spent_today(self._ledger, now)

    def open_states(self) -> tuple[tuple[str, int], ...]:
        """As `reports.open_intent_ids`."""
        return reports.open_intent_ids(self._ledger)

    def shortfalls(self, limit: int) -> tuple[float, ...]:
        """Of swaps confirmed since the operator last resumed: realised against simulated, bps, newest first."""
        return reports.shortfalls(self._ledger, limit)

    def counterfactuals(self) -> Iterator[Counterfactual]:
        """Oldest first. Reads the whole file: for distillation, not for the hot path."""
        return reports.counterfactuals(self._ledger)

    def decided(self) -> Iterator[CycleRecord]:
        """Cycles that came as far as a proposal, oldest first; their hashes are checked on the way. As above."""
        return reports.decided(self._ledger)

    def outcomes(self) -> tuple[reports.TradeOutcome, ...]:
        """Each trade that a cycle decided and that was mined, oldest first."""
        return reports.settlements(self._ledger)

    def cycles(self, limit: int) -> tuple[CycleLine, ...]:
        """Newest first."""
        return reports.cycles(self._ledger, limit)

    def trades(self, limit: int, after: int = 0) -> tuple[Trade, ...]:
        """Newest first, of those after so many records; approvals among them, dry ones too."""
        return reports.trades(self._ledger, limit, after)

    def summary(self) -> JournalSummary:
        return reports.summary(self._ledger)

    def get_cycle(self, id_: int | str) -> CycleRecord:
        """By CycleLine.id or by intent id; equal to what was recorded. Raises KeyError."""
        key = "seq" if isinstance(id_, int) else "intent_id"
        row = self._ledger.one(f"SELECT body FROM records JOIN cycles USING (seq) WHERE {key} = ?", id_)
        if row is None:
            raise KeyError(id_)
        return loads(CycleRecord, row[0])

    def verify(self) -> int:
        """Check every record and the index against them; the number of records. Raises JournalTampered."""
        return reports.verify(self._ledger)

    # ---------------------------------------------------------------- parts

    def _add_cycle(self, record: CycleRecord) -> int:
        decision, proposal = record.decision, record.proposal
        act = isinstance(decision, Act)
        added = self._ledger.append("cycle", dumps(record))
        self._ledger.execute(
            "INSERT INTO cycles VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            *(added.seq, added.at, record.head.number, int(act)),
            *(("act", "") if isinstance(decision, Act) else (decision.reason.value, decision.detail)),
            *(decision.votes, proposal.asked if proposal else 0, len(proposal.candidates) if proposal else 0),
            *(len(record.simulations), record.intent_id),
        )
        return added.seq


def _mismatch(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    what = [name for name in ("chain_id", "genesis", "wallet") if found.get(name) != wanted[name]]
    told = ", ".join(f"{name} {found.get(name)} (now {wanted[name]})" for name in what)
    return f"{path.name} belongs to another {told}: give this one a SENTINEL_STATE_DIR of its own"
