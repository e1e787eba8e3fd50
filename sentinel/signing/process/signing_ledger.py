"""The signer's own record: each request, what was decided and why, and the counters, all durable before a signature.

One hash-chained SQLite file of its own (as the journal's), never rewritten; the counters of the day are summed from its
records, so they survive a restart and a SIGKILL. No key and no signature is in it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from sentinel.core.errors import ChainMismatch, JournalError, JournalTampered, SignerRefused, WalletBusy
from sentinel.core.network import Address
from sentinel.core.units import DAY
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical
from sentinel.signing.process.daily_caps import DayCaps, SignedNonce, SignedToday, SigningRequest, count, count_refusal

VERSION = 1
FILE = "ledger.sqlite3"
MAX_REFUSALS = 1000  # a UTC day that are written down: whoever may ask must not fill the disk
_TABLES = """
CREATE TABLE nonces (nonce INTEGER PRIMARY KEY, payload TEXT NOT NULL, gas TEXT NOT NULL) STRICT;
CREATE INDEX records_at ON records (at);
CREATE TRIGGER never_changed BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'records are never changed'); END;
CREATE TRIGGER never_removed BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'records are never removed'); END;
"""


class SigningCounter(Protocol):
    """What a signer tells before it signs. All raise SignerRefused; then nothing was counted."""

    def transaction(self, asked: SigningRequest, told: Mapping[str, Any]) -> None: ...

    def permit(self, told: Mapping[str, Any]) -> None: ...

    def refused(self, rule: str, told: Mapping[str, Any]) -> None: ...


class UncountedSigning:
    """For a signer inside a test's own process."""

    def transaction(self, asked: SigningRequest, told: Mapping[str, Any]) -> None:
        pass

    def permit(self, told: Mapping[str, Any]) -> None:
        pass

    def refused(self, rule: str, told: Mapping[str, Any]) -> None:
        pass


class SigningLedger:
    """Use `SigningLedger.open`. Synchronous: what it was told is on the disk when it returns. Raises JournalError
    otherwise."""

    def __init__(self, ledger: Ledger, caps: DayCaps, clock: Callable[[], float]) -> None:
        self.caps = caps
        self._ledger = ledger
        self._clock = clock
        self._day = -1
        self._spent = SignedToday()
        self._refusals = 0

    @classmethod
    def open(
        cls, folder: Path, chain_id: int, address: Address, caps: DayCaps, clock: Callable[[], float] = time.time
    ) -> SigningLedger:
        """Raises WalletBusy where another signer writes it, ChainMismatch where it is another key's, JournalError where
        it is damaged, or gone although it was in use."""
        try:
            ledger = Ledger(folder / FILE, _TABLES, VERSION, clock=clock)
        except WalletBusy:
            raise WalletBusy(
                f"another Sentinel signs for this wallet (its signer writes {folder}): stop it first (`sentinel stop`)"
            ) from None
        try:
            owner = canonical({"chain_id": chain_id, "address": address.lower()})
            found = ledger.meta("owner")
            if found is None:
                with ledger.transaction():
                    ledger.append("opened", owner)
                    ledger.set_meta("owner", owner)
            elif found != owner:
                raise ChainMismatch(f"{folder} is the signer's record of {found}, this is {owner}: give it another")
            book = cls(ledger, caps, clock)
            book._nonces_fit()
            book._begin(book._today())
        except BaseException:
            ledger.close()
            raise
        return book

    @property
    def spent(self) -> SignedToday:
        """Today."""
        self._turn()
        return self._spent

    @property
    def refused_too_often(self) -> bool:
        """Refused so often today that no more of it is written down."""
        return self._refusals > MAX_REFUSALS

    def transaction(self, asked: SigningRequest, told: Mapping[str, Any]) -> None:
        self._turn()
        before = self._held(asked.nonce)
        held, spent = count(asked, before, self._spent, self.caps)
        taken = {token: str(amount) for token, amount in asked.spends.items()} if before is None else {}
        counted = {"gas": str(spent.gas - self._spent.gas), "taken": taken, "cancel": asked.cancel}
        named = {"nonce": asked.nonce, "payload": held.payload}
        with self._ledger.transaction():
            self._write("signed", {**told, **named, **counted})
            self._ledger.execute(
                "INSERT INTO nonces VALUES (?,?,?) ON CONFLICT (nonce) DO UPDATE SET gas = excluded.gas",
                *(asked.nonce, held.payload, str(held.gas)),
            )
        self._spent = spent

    def permit(self, told: Mapping[str, Any]) -> None:
        self._turn()
        signatures = count_refusal(self._spent, self.caps)
        with self._ledger.transaction():
            self._write("permit", told)
        self._spent = SignedToday(self._spent.volume, self._spent.gas, signatures)

    def refused(self, rule: str, told: Mapping[str, Any]) -> None:
        """Best effort: a request is refused whether or not that can be written down."""
        self._turn()
        self._refusals += 1
        if not self.refused_too_often:
            with suppress(JournalError), self._ledger.transaction():
                self._write("refused", {"rule": rule, **told})

    def record_caps(self, asked: Mapping[str, Mapping[Address, int]]) -> dict[str, dict[Address, int]]:
        """Note the caps by token, base units, that count from now on: the least of those asked for and all that were
        noted this UTC day. A token that one of them leaves out is left out.
        Raises SignerRefused where no cap of a trade is left; then nothing was noted."""
        self._turn()
        kept = {name: dict(amounts) for name, amounts in asked.items()}
        for _, body in self._of(self._day, "caps"):
            for name in kept.keys() & body.keys():
                earlier = body[name]
                kept[name] = {
                    token: min(most, int(earlier[token])) for token, most in kept[name].items() if token in earlier
                }
        if not kept["trades"]:  # none would mean those of the approvals
            raise SignerRefused("caps", "the signer refuses: no token is left that a trade may take")
        with self._ledger.transaction():
            self._write("caps", {name: {token: str(most) for token, most in kept[name].items()} for name in kept})
        return kept

    def records(self) -> list[tuple[str, dict[str, Any]]]:
        """Kind and body, oldest first, their chain checked. Raises JournalTampered."""
        return [(record.kind, json.loads(record.body)) for record in self._ledger.records()]

    def close(self) -> None:
        self._ledger.close()

    # ---------------------------------------------------------------- parts

    def _write(self, kind: str, told: Mapping[str, Any]) -> None:
        self._ledger.append(kind, canonical({"day": self._day, **told}))

    def _held(self, nonce: int) -> SignedNonce | None:
        row = self._ledger.one("SELECT payload, gas FROM nonces WHERE nonce = ?", nonce)
        return None if row is None else SignedNonce(str(row[0]), int(row[1]))

    def _today(self) -> int:
        return int(self._clock()) // DAY

    def _turn(self) -> None:
        """A clock that was set back goes on with the counters of that earlier day."""
        if (today := self._today()) != self._day:
            self._begin(today)

    def _begin(self, day: int) -> None:
        spent, refusals = SignedToday(), 0
        for kind, body in self._of(day, "signed", "permit", "refused"):
            if kind == "refused":
                refusals += 1
                continue
            volume = {**spent.volume}
            for token, amount in body.get("taken", {}).items():
                volume[token] = volume.get(token, 0) + int(amount)
            spent = SignedToday(volume, spent.gas + int(body.get("gas", 0)), spent.signatures + 1)
        self._day, self._spent, self._refusals = day, spent, refusals

    def _of(self, day: int, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
        rows = self._ledger.all(  # a minute more: a record's own time is taken after its day
            f"SELECT kind, body FROM records WHERE at BETWEEN ? AND ? AND kind IN ({', '.join('?' * len(kinds))})",
            *(day * DAY * 1000, (day * DAY + DAY + 60) * 1000, *kinds),
        )
        return [(kind, body) for kind, text in rows if (body := json.loads(text))["day"] == day]

    def _nonces_fit(self) -> None:
        """Each nonce in the table has a record, and none is missing: else nonces could be signed for something else."""
        signed = "SELECT body ->> 'nonce', body ->> 'payload' FROM records WHERE kind = 'signed'"
        held = "SELECT nonce, payload FROM nonces"
        if self._ledger.one(f"{signed} EXCEPT {held}") or self._ledger.one(f"{held} EXCEPT {signed}"):
            raise JournalTampered("the signer's table of nonces does not match its records")
