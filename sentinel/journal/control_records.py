"""The operator controls in the journal: halt and flatten. Each change is durable when its method returns.

Only the operator's commands release a halt (I25). The state in force is in `meta`; each change is a record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sentinel.core.network import Symbol
from sentinel.decide.operator_controls import OperatorControls
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical
from sentinel.journal.stored_records import Record

SENTINEL = "sentinel"  # `by` of a halt that Sentinel sets because it no longer understands the wallet or the signer
SOLD = "what could be sold was sold back (`sentinel stop --flatten`)"  # the halt that a finished flatten leaves


class ControlRecords:
    """Reads and writes the operator controls. Writing raises JournalError."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @property
    def controls(self) -> OperatorControls:
        """The controls in force."""
        meta = self._ledger.meta
        return OperatorControls(meta("latch") or None, bool(meta("halted")), bool(meta("flatten")))

    def halt(self, reason: str, by: str) -> None:
        """Halt trading until `release`, across restarts. If trading is halted already, the earlier reason stays.

        A pause by the operator also cancels a flatten, because it stops everything.
        """
        with self._ledger.transaction():
            self._halt(reason, by)
            if by == "operator":
                self._cancel_flatten(by)

    def release(self, by: str) -> None:
        """Release the halt and end a flatten, so that trading resumes."""
        with self._ledger.transaction():
            self._cancel_flatten(by)
            added = self._append("latch", on=False, reason="", by=by)
            for key in ("latch", "halted"):
                self._ledger.set_meta(key, "")
            self._ledger.set_meta("unlatched", str(added.seq))

    def flatten(self, by: str) -> None:
        """Start a flatten: only sell every token for the quote token, across restarts, until that is done or cancelled.

        Has no effect while a flatten is running.
        """
        if not self.controls.flatten:
            with self._ledger.transaction():
                added = self._append("flatten", on=True, by=by)
                self._ledger.set_meta("flatten", "on")
                self._ledger.set_meta("flatten_since", str(added.seq))
                self._ledger.set_meta("flatten_ended", "")

    def flattened(self, left: Mapping[Symbol, tuple[int, str]], *, clean: bool) -> None:
        """Record the end of a flatten, and halt trading, so that a restarted daemon does not buy everything back.

        `left` has each token that is still held, in base units, with the reason. `clean` is true if only amounts too
        small to sell are left.
        """
        with self._ledger.transaction():
            ended = {"left": {symbol: [str(amount), why] for symbol, (amount, why) in left.items()}, "clean": clean}
            self._append("flatten", on=False, by="flatten", **ended)
            self._ledger.set_meta("flatten", "")
            self._ledger.set_meta("flatten_ended", canonical(ended))
            self._halt(SOLD, "flatten")

    @property
    def since(self) -> int | None:
        """The number of the record that started the last flatten; None if there never was one."""
        seq = self._ledger.meta("flatten_since")
        return int(seq) if seq else None

    @property
    def ended(self) -> Any:
        """How the last flatten ended: {"left": {token: [base units, reason]}, "clean": …}.

        None while it is running, if it was cancelled, or if there never was one.
        """
        text = self._ledger.meta("flatten_ended")
        return json.loads(text) if text else None

    def _halt(self, reason: str, by: str) -> None:
        kept = self._ledger.meta("latch") or reason
        self._append("latch", on=True, reason=kept, by=by)
        self._ledger.set_meta("latch", kept)
        if by == SENTINEL:
            self._ledger.set_meta("halted", "on")

    def _cancel_flatten(self, by: str) -> None:
        if self.controls.flatten:
            self._append("flatten", on=False, by=by)
            self._ledger.set_meta("flatten", "")

    def _append(self, kind: str, **facts: object) -> Record:
        return self._ledger.append(kind, canonical(facts))


class ReplayedControls:
    """The controls as they follow from the records alone, which `verify` compares with the index."""

    def __init__(self) -> None:
        self.halt_reason, self.sentinel_halted, self.flatten, self.resumed_at = "", "", "", 0

    def apply_halt(self, seq: int, on: bool, reason: str, by: str) -> None:
        """Apply record `seq`, which sets the halt (`on`) or releases it."""
        self.halt_reason = reason if on else ""
        self.sentinel_halted = ("on" if by == SENTINEL else self.sentinel_halted) if on else ""
        self.resumed_at = self.resumed_at if on else seq
