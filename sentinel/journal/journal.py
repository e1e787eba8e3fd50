"""The journal: decisions, attempts and settlements, each committed before the next step depends on it.

Facts are appended as hash-chained records (`ledger`). The tables below are their index: the same transaction updates
them, and `verify` compares them with the records. One journal belongs to one wallet on one chain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sentinel.core.decision import Act
from sentinel.core.errors import RecordDropped
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.spent import Spent
from sentinel.core.transaction import Attempt, Counterfactual, Intent, Settled
from sentinel.core.valuation import reference_prices
from sentinel.decide.operator_controls import Purpose
from sentinel.journal import intents, migrations, reports, retention, schema, verification
from sentinel.journal.chain_records import ChainRecords
from sentinel.journal.control_records import ControlRecords
from sentinel.journal.equity import EquitySeries
from sentinel.journal.intents import OpenIntent
from sentinel.journal.ledger import Ledger
from sentinel.journal.order_fills import OrderFills
from sentinel.journal.order_records import OrderRecords
from sentinel.journal.owner import claim
from sentinel.journal.paper_records import PaperRecords
from sentinel.journal.position_records import PositionRecords
from sentinel.journal.reports import CycleLine, JournalSummary, Trade
from sentinel.journal.serialization import canonical, dumps, loads
from sentinel.journal.states import State

VERSION = 4


class Journal:
    """The journal of one wallet; create it with `Journal.open`.

    Its methods are synchronous and raise JournalError. A change is durable when its method returns.
    """

    def __init__(self, ledger: Ledger, network: Network, wallet: str, genesis: str) -> None:
        self._ledger = ledger
        self.standing = ControlRecords(ledger)
        self.equity = EquitySeries(ledger)
        self.chain = ChainRecords(ledger)
        self.orders = OrderRecords(ledger)
        self.order_fills = OrderFills(ledger, network)
        self.positions = PositionRecords(ledger, network)
        self.paper = PaperRecords(ledger, network)
        self.genesis = genesis  # see `open`
        self._fault: str | None = None  # what the daemon's last check of the whole journal found
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
        whole: bool = True,
        clock: Callable[[], float] = time.time,
        durable: bool = True,
    ) -> Journal:
        """`genesis` is the hash of the pinned block, or of block 0 if none is pinned. None takes the value in the file.

        Without `durable` a change may be lost with the machine: for a journal that is thrown away.
        A reader checks the whole hash chain first, so that nothing is shown of a journal that was changed; `whole`
        False leaves that to `verify`.

        Raises WalletBusy, ChainMismatch (the file belongs to another chain or wallet) or JournalError.
        """
        steps = migrations.STEPS
        ledger = Ledger(path, schema.TABLES, VERSION, steps=steps, read_only=read_only, clock=clock, durable=durable)
        try:
            if read_only and whole:
                ledger.check()
            genesis, wallet = claim(ledger, network, genesis, wallet, read_only=read_only)
        except BaseException:
            ledger.close()
            raise
        return cls(ledger, network, wallet, genesis)

    def close(self) -> None:
        self._ledger.close()

    # ---------------------------------------------------------------- cycles and intents

    def record(self, record: CycleRecord) -> None:
        """Add a cycle that accepted no intent."""
        with self._ledger.transaction():
            self._add_cycle(record)

    def accept(self, record: CycleRecord | None, intent: Intent) -> None:
        """Commit cycle and intent together. `record` is None if no cycle decided. An unsigned intent ends at once."""
        self._accept(record, intent, record.state if record is not None else None)

    def accept_order(self, intent: Intent, state: MarketState) -> None:
        """Add an intent that no cycle decided, valued at the prices of `state`."""
        self._accept(None, intent, state)

    def _accept(self, record: CycleRecord | None, intent: Intent, state: MarketState | None) -> None:
        prices = reference_prices(state) if state is not None else {}
        with self._ledger.transaction():
            cycle = None if record is None else self._add_cycle(record)
            intents.accept(self._ledger, self._who, self._network, intent, prices, cycle)

    def attempt(self, attempt: Attempt) -> None:
        """Add signed bytes before they are sent. Raises JournalError if the intent has ended or has another nonce."""
        intents.attempt(self._ledger, attempt)

    def transition(self, intent_id: str, state: State, **facts: str | int | float | None) -> None:
        """Record a new state of an intent, with facts. Raises JournalError if `states` does not allow it."""
        intents.transition(self._ledger, intent_id, state, facts)

    def settle(self, settled: Settled) -> int:
        """Record the end of an intent. Returns its profit, gas included, in base units of the quote token."""
        return intents.settle(self._ledger, self._network, settled)

    def reopen(self, intent_ids: Iterable[str], why: str) -> None:
        """Open intents again whose blocks a reorg removed or whose receipts came late.

        The lowest nonce is open then; the others wait.
        """
        intents.reopen(self._ledger, self._network, intent_ids, why)

    def finalise(self, intent_ids: Iterable[str], block: int) -> None:
        """Record that these intents are in or below the finalized `block`."""
        intents.finalise(self._ledger, intent_ids, block)

    def counterfactual(self, found: Counterfactual) -> None:
        """Add what a decision that was not taken would have given."""
        with self._ledger.transaction():
            self._ledger.append("counterfactual", dumps(found))

    def open_intents(self) -> tuple[OpenIntent, ...]:
        """The open intent, then those that wait for it because a reorg has opened it again."""
        return intents.open_intents(self._ledger)

    def is_open(self, intent_id: str) -> bool:
        """Whether the intent has not ended."""
        return self._ledger.one("SELECT 1 FROM intents WHERE id = ? AND finished != 1", intent_id) is not None

    def not_final(self) -> tuple[Settled, ...]:
        """The settlements of mined intents that a reorg could still remove, lowest nonce first."""
        return intents.not_final(self._ledger)

    def unknown(self) -> tuple[str, ...]:
        """The ids of intents that ended as unknown, oldest first."""
        return intents.unknown(self._ledger)

    def attempts(self, intent_id: str) -> tuple[Attempt, ...]:
        """The attempts of an intent, oldest first."""
        return intents.attempts(self._ledger, intent_id)

    def next_nonce(self) -> int:
        """The highest nonce that any intent ever held, plus one; 0 if none did."""
        return int(self._ledger.one("SELECT ifnull(max(nonce) + 1, 0) FROM intents")[0])

    # ---------------------------------------------------------------- the halt

    @property
    def halt_reason(self) -> str | None:
        """Why trading is halted; None if it is not."""
        return self._ledger.meta("latch") or None

    def halt(self, reason: str, by: str = "sentinel") -> None:
        """Halt trading, see `ControlRecords.halt`."""
        self.standing.halt(reason, by)

    def resume(self, by: str) -> None:
        """Release the halt, end a flatten, and acknowledge the foreign nonces that the halt named.

        Only an operator's command may call this (I25).
        """
        self.standing.release(by)
        self.chain.acknowledge()

    def configured(self, *, by: str, changed: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Record the reloadable settings that apply from now on, at each start and each reload."""
        with self._ledger.transaction():
            self._ledger.append("config", canonical({"by": by, "changed": changed, "values": values}))

    def config_of(self, cycle: int | str) -> dict[str, Any] | None:
        """The reloadable settings of a cycle (see `get_cycle`); None if none were recorded before it."""
        return reports.config_of(self._ledger, cycle)

    def bar(self, purpose: Purpose) -> str | None:
        """The reason why no transaction of this purpose may be sent now; None if it may."""
        return self.standing.controls.bar(purpose)

    # ---------------------------------------------------------------- reading

    def spent_today(self, now: float) -> Spent:
        """Loss and volume of the UTC day of `now` (Unix seconds)."""
        return reports.spent_today(self._ledger, now)

    def simulation_of(self, intent_id: str) -> Simulation:
        """What an intent was expected to do. Raises JournalError for an unknown intent."""
        return reports.intent_of(self._ledger, intent_id)[0].decision.simulation

    def open_states(self) -> tuple[tuple[str, int], ...]:
        """The state and the time of acceptance (Unix milliseconds) of each intent that has not ended, oldest first."""
        return reports.open_intent_ids(self._ledger)

    def shortfalls(self, limit: int) -> tuple[float, ...]:
        """The shortfalls (bps) of the swaps confirmed since the operator last resumed, newest first."""
        return reports.shortfalls(self._ledger, limit)

    def counterfactuals(self) -> Iterator[Counterfactual]:
        """All counterfactuals, oldest first. Reads the whole file, so not for the hot path."""
        return reports.counterfactuals(self._ledger)

    def decided(self) -> Iterator[CycleRecord]:
        """All cycles with a proposal, oldest first, with their hashes checked. Reads the whole file."""
        return reports.decided(self._ledger)

    def outcomes(self) -> tuple[reports.TradeOutcome, ...]:
        """Each trade that was voted on and mined, oldest first."""
        return reports.settlements(self._ledger)

    def cycles(self, limit: int) -> tuple[CycleLine, ...]:
        """The last `limit` cycles, newest first."""
        return reports.cycles(self._ledger, limit)

    def all_cycles(self, low: float, high: float) -> Iterator[CycleLine]:
        """The cycles from Unix time `low` to before `high`, oldest first."""
        return reports.all_cycles(self._ledger, low, high)

    def trades(self, limit: int, after: int = 0) -> tuple[Trade, ...]:
        """The last `limit` swaps and approvals after record `after`, newest first, dry runs included."""
        return reports.trades(self._ledger, limit, after)

    def summary(self) -> JournalSummary:
        """The totals of the whole journal."""
        return reports.summary(self._ledger)

    def get_cycle(self, id_: int | str) -> CycleRecord:
        """The recorded cycle, by CycleLine.id or by intent id. Raises KeyError if there is none, RecordDropped."""
        key = "seq" if isinstance(id_, int) else "intent_id"
        row = self._ledger.one(
            f"SELECT seq, unpacked(body, packed) FROM records JOIN cycles USING (seq) WHERE {key} = ?", id_
        )
        if row is None:
            raise KeyError(id_)
        if not row[1]:
            raise RecordDropped(f"the retention dropped the content of cycle {row[0]}: only its line is left")
        return loads(CycleRecord, row[1])

    def drop_holds(self, before: float) -> int:
        """Drop the content of some cycles that held before Unix time `before`, see `retention`."""
        return retention.drop_holds(self._ledger, before)

    def dropped(self) -> int:
        """The number of cycles whose content was dropped."""
        row = self._ledger.one("SELECT count(*) FROM records WHERE body = '' AND packed IS NULL")
        return int(row[0])

    def size(self) -> int:
        """The size of the file in bytes."""
        pages, page = (self._ledger.one(f"PRAGMA {name}")[0] for name in ("page_count", "page_size"))
        return int(pages * page)

    @property
    def fault(self) -> str | None:
        """What the last check of the whole journal found wrong; None if nothing, or none was made yet."""
        return self._fault

    def checked(self, fault: str | None) -> None:
        """Keep what a check of the whole journal found."""
        self._fault = fault

    def verify(self, progress: Callable[[int], None] = lambda _: None) -> int:
        """Check every record, and the index against them. Returns the number of records. Raises JournalTampered.

        `progress` receives the number of records that are done, after each.
        """
        return verification.verify(self._ledger, self._network, progress)

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
