"""The operator controls in the journal: halt and flatten. Each change is durable when its method returns.

Only the operator's commands release a halt (I25). The state in force is in `meta`; each change is a record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sentinel.core.network import Symbol
from sentinel.decide.operator_controls import OperatorControls
from sentinel.journal.ledger import Ledger, Record
from sentinel.journal.serialization import canonical

SENTINEL = "sentinel"  # who latches when the wallet or the signer is no longer understood
SOLD = "what could be sold was sold back (`sentinel stop --flatten`)"  # the latch that a finished sale leaves


class ControlRecords:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @property
    def controls(self) -> OperatorControls:
        meta = self._ledger.meta
        return OperatorControls(meta("latch") or None, bool(meta("halted")), bool(meta("flatten")))

    def halt(self, reason: str, by: str) -> None:
        """Pause trading until `release`, across restarts. An earlier reason is kept. An operator's pause also calls a
        sale off: it stops everything."""
        with self._ledger.transaction():
            self._halt(reason, by)
            if by == "operator":
                self._call_off(by)

    def release(self, by: str) -> None:
        """Release the halt and end a flatten, so that trading resumes."""
        with self._ledger.transaction():
            self._call_off(by)
            added = self._append("latch", on=False, reason="", by=by)
            for key in ("latch", "halted"):
                self._ledger.set_meta(key, "")
            self._ledger.set_meta("unlatched", str(added.seq))

    def flatten(self, by: str) -> None:
        """From now on nothing is done but to sell every token back, across restarts, until that is done or called off.

        Asked again meanwhile, it changes nothing.
        """
        if not self.controls.flatten:
            with self._ledger.transaction():
                added = self._append("flatten", on=True, by=by)
                self._ledger.set_meta("flatten", "on")
                self._ledger.set_meta("flatten_since", str(added.seq))
                self._ledger.set_meta("flatten_ended", "")

    def flattened(self, left: Mapping[Symbol, tuple[int, str]], *, clean: bool) -> None:
        """The sale is done. `left`: base units of each token that is still held, and why; `clean`: only crumbs are.

        Trading stays paused, so that no supervisor that starts the daemon again buys everything back.
        """
        with self._ledger.transaction():
            ended = {"left": {symbol: [str(amount), why] for symbol, (amount, why) in left.items()}, "clean": clean}
            self._append("flatten", on=False, by="flatten", **ended)
            self._ledger.set_meta("flatten", "")
            self._ledger.set_meta("flatten_ended", canonical(ended))
            self._halt(SOLD, "flatten")

    @property
    def since(self) -> int | None:
        """Number of the record by which the last sale began; None where there never was one."""
        found = self._ledger.meta("flatten_since")
        return int(found) if found else None

    @property
    def ended(self) -> Any:
        """How the last sale ended: {"left": {token: [base units, why]}, "clean": …}; None while it is under way, and
        where it was called off."""
        found = self._ledger.meta("flatten_ended")
        return json.loads(found) if found else None

    def _halt(self, reason: str, by: str) -> None:
        kept = self._ledger.meta("latch") or reason
        self._append("latch", on=True, reason=kept, by=by)
        self._ledger.set_meta("latch", kept)
        if by == SENTINEL:
            self._ledger.set_meta("halted", "on")

    def _call_off(self, by: str) -> None:
        if self.controls.flatten:
            self._append("flatten", on=False, by=by)
            self._ledger.set_meta("flatten", "")

    def _append(self, kind: str, **facts: object) -> Record:
        return self._ledger.append(kind, canonical(facts))


class ReplayedControls:
    """The controls folded from the records alone, which `verify` compares with the index."""

    def __init__(self) -> None:
        self.halt_reason, self.sentinel_halted, self.flatten, self.resumed_at = "", "", "", 0

    def apply_halt(self, seq: int, on: bool, reason: str, by: str) -> None:
        self.halt_reason = reason if on else ""
        self.sentinel_halted = ("on" if by == SENTINEL else self.sentinel_halted) if on else ""
        self.resumed_at = self.resumed_at if on else seq
