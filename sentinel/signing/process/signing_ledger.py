"""The signing ledger: every request, the answer with its reason, and the counters, durable before a signature exists.

It is one hash-chained SQLite file, like the journal but separate, and it is never rewritten. The counters of a day are
sums over its records, so they survive a restart and a SIGKILL. It holds no key and no signature.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sentinel.core.errors import ChainMismatch, JournalError, JournalTampered, SignerRefused, WalletBusy
from sentinel.core.network import Address, HexHash
from sentinel.core.units import DAY
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical
from sentinel.signing.order_rules import OrderBounds, OrderTrades
from sentinel.signing.process.daily_caps import DayCaps, SignedNonce, SignedToday, SigningRequest, count, count_refusal

VERSION = 1
FILE = "ledger.sqlite3"
MAX_REFUSALS = 1000  # recorded per UTC day, so that no client of the socket can fill the disk
_TABLES = """
CREATE TABLE nonces (nonce INTEGER PRIMARY KEY, payload TEXT NOT NULL, gas TEXT NOT NULL) STRICT;
CREATE INDEX records_at ON records (at);
CREATE TRIGGER never_changed BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'records are never changed'); END;
CREATE TRIGGER never_removed BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'records are never removed'); END;
"""


class SigningLedger:
    """The open ledger of one wallet; `SigningLedger.open` makes it.

    Calls are synchronous: a request is on the disk when its call returns. They raise JournalError if the disk fails.
    """

    def __init__(self, ledger: Ledger, caps: DayCaps, clock: Callable[[], float]) -> None:
        self.caps = caps
        self._ledger = ledger
        self._clock = clock
        self._day = -1
        self._spent = SignedToday()
        self._refusals = 0
        self._last_prices: dict[Address, int | None] = {}  # as `last_price` found them today

    @classmethod
    def open(
        cls, folder: Path, chain_id: int, address: Address, caps: DayCaps, clock: Callable[[], float] = time.time
    ) -> SigningLedger:
        """Open the ledger in `folder`, or create it on first use.

        Raises WalletBusy if another signer has it open, ChainMismatch if it belongs to another key or chain, and
        JournalError if it is damaged, or missing although it was in use.
        """
        try:
            ledger = Ledger(folder / FILE, _TABLES, VERSION, clock=clock)
        except WalletBusy:
            raise WalletBusy(
                f"another Sentinel signs for this wallet (its signer writes {folder}): stop it first (`sentinel stop`)"
            ) from None
        try:
            owner = canonical({"chain_id": chain_id, "address": address.lower()})
            recorded = ledger.meta("owner")
            if recorded is None:
                with ledger.transaction():
                    ledger.append("opened", owner)
                    ledger.set_meta("owner", owner)
            elif recorded != owner:
                raise ChainMismatch(
                    f"{folder} holds the signing ledger of {recorded}, this signer is {owner}: give it another folder"
                )
            opened = cls(ledger, caps, clock)
            opened._nonces_fit()
            opened._begin(opened._today())
        except BaseException:
            ledger.close()
            raise
        return opened

    @property
    def spent(self) -> SignedToday:
        """What was signed today."""
        self._turn()
        return self._spent

    @property
    def refused_too_often(self) -> bool:
        """True if today's refusals exceed MAX_REFUSALS; further ones are not recorded."""
        return self._refusals > MAX_REFUSALS

    def signed_before(self, nonce: int, payload: str) -> bool:
        held = self._held(nonce)
        return held is not None and held.payload == payload

    def last_price(self, token: Address) -> int | None:
        self._turn()
        if token not in self._last_prices:
            row = self._ledger.one(
                "SELECT body ->> ? FROM records WHERE kind = 'signed' AND body ->> ? IS NOT NULL "
                "AND body ->> 'day' < ? ORDER BY rowid DESC LIMIT 1",
                *(path := f'$.prices."{token}"', path, self._day),
            )
            self._last_prices[token] = None if row is None else int(row[0])
        return self._last_prices[token]

    def order_trades(self, order: str, seconds: int) -> OrderTrades:
        """What was signed under the order of this hash today, and the last trade of the last `seconds`."""
        self._turn()
        bought = sum(int(body["bought"]) for _, body in self._of(self._day, "signed") if body.get("order") == order)
        (last,) = self._ledger.one(
            "SELECT max(at) FROM records WHERE at > ? AND kind = 'signed' AND body ->> 'order' = ?",
            *(int((self._clock() - seconds) * 1000), order),
        )
        return OrderTrades(bought, None if last is None else last / 1000)

    @property
    def order(self) -> str | None:
        """The reading that the operator set last, None if there is none or it was cleared."""
        row = self._ledger.one("SELECT body ->> 'reading' FROM records WHERE kind = 'order' ORDER BY seq DESC LIMIT 1")
        return None if row is None else row[0]

    def record_order(self, order: OrderBounds | None) -> None:
        """Record the order that holds from now on, over restarts; None if the operator cleared it."""
        self._turn()
        details = {"reading": None, "order": None} if order is None else {"reading": order.reading, "order": order.hash}
        with self._ledger.transaction():
            self._write("order", details)

    @property
    def refusals(self) -> int:
        """The number of refusals today."""
        self._turn()
        return self._refusals

    def transaction(self, request: SigningRequest, details: Mapping[str, Any]) -> None:
        self._turn()
        before = self._held(request.nonce)
        signed, spent = count(request, before, self._spent, self.caps)
        spends = {token: str(amount) for token, amount in request.spends.items()} if before is None else {}
        gas, loss = spent.gas - self._spent.gas, spent.loss - self._spent.loss
        counted = {"gas": str(gas), "loss": str(loss), "taken": spends, "cancel": request.cancel}
        named = {"nonce": request.nonce, "payload": signed.payload}
        with self._ledger.transaction():
            self._write("signed", {**details, **named, **counted})
            self._ledger.execute(
                "INSERT INTO nonces VALUES (?,?,?) ON CONFLICT (nonce) DO UPDATE SET gas = excluded.gas",
                *(request.nonce, signed.payload, str(signed.gas)),
            )
        self._spent = spent

    def permit(self, details: Mapping[str, Any]) -> None:
        self._turn()
        signatures = count_refusal(self._spent, self.caps)
        with self._ledger.transaction():
            self._write("permit", details)
        self._spent = replace(self._spent, signatures=signatures)

    def refused(self, rule: str, details: Mapping[str, Any]) -> None:
        """Record a refusal, as far as possible: the request stays refused even if the ledger cannot be written."""
        self._turn()
        self._refusals += 1
        if not self.refused_too_often:
            with suppress(JournalError), self._ledger.transaction():
                self._write("refused", {"rule": rule, **details})

    def record_caps(self, requested: Mapping[str, Mapping[Address, int]]) -> dict[str, dict[Address, int]]:
        """Record the caps per token (base units) that hold from now on, and return them.

        Each is the minimum of the requested cap and of every cap recorded this UTC day; a token that any of them omits
        is omitted. Raises SignerRefused, and records nothing, if no token keeps a cap for trades.
        """
        self._turn()
        caps = {name: dict(amounts) for name, amounts in requested.items()}
        for _, recorded in self._of(self._day, "caps"):
            for name in caps.keys() & recorded.keys():
                earlier = recorded[name]
                caps[name] = {
                    token: min(cap, int(earlier[token])) for token, cap in caps[name].items() if token in earlier
                }
        if not caps["trades"]:  # an empty table would mean the caps of approvals
            raise SignerRefused("caps", "the signer refuses: no token is left that a trade may spend")
        with self._ledger.transaction():
            self._write("caps", {name: {token: str(cap) for token, cap in caps[name].items()} for name in caps})
        return caps

    def record_prices(self, prices: Mapping[Address, int]) -> dict[Address, int]:
        """Record reference prices that the daemon handed over, and return those that hold: each token's first today."""
        self._turn()
        for _, recorded in self._of(self._day, "prices"):
            prices = {**prices, **{token: int(price) for token, price in recorded["prices"].items()}}
        with self._ledger.transaction():
            self._write("prices", {"prices": {token: str(price) for token, price in prices.items()}})
        return dict(prices)

    def bind(self, genesis: HexHash) -> None:
        """Bind the ledger to a chain by the hash of its first or pinned block; the first one holds for good.

        The nonces of another chain with the same id would be taken for signed. Raises SignerRefused for another chain.
        """
        bound = self._ledger.meta("genesis")
        if bound is None:
            with self._ledger.transaction():
                self._write("bound", {"genesis": genesis})
                self._ledger.set_meta("genesis", genesis)
        elif bound != genesis:
            raise SignerRefused(
                "chain", f"the signer refuses: its ledger belongs to the chain of block {bound}, this one is {genesis}"
            )

    def records(self) -> list[tuple[str, dict[str, Any]]]:
        """Kind and body of every record, oldest first. Raises JournalTampered if the hash chain is broken."""
        return [(record.kind, json.loads(record.body)) for record in self._ledger.records()]

    def close(self) -> None:
        self._ledger.close()

    # ---------------------------------------------------------------- internals

    def _write(self, kind: str, details: Mapping[str, Any]) -> None:
        self._ledger.append(kind, canonical({"day": self._day, **details}))

    def _held(self, nonce: int) -> SignedNonce | None:
        row = self._ledger.one("SELECT payload, gas FROM nonces WHERE nonce = ?", nonce)
        return None if row is None else SignedNonce(str(row[0]), int(row[1]))

    def _today(self) -> int:
        return int(self._clock()) // DAY

    def _turn(self) -> None:
        """Load the counters of a new UTC day. A clock that was set back continues the counters of that earlier day."""
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
            gas, loss = spent.gas + int(body.get("gas", 0)), spent.loss + int(body.get("loss", 0))
            spent = SignedToday(volume, gas, spent.signatures + 1, loss)
        self._day, self._spent, self._refusals, self._last_prices = day, spent, refusals, {}

    def _of(self, day: int, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
        rows = self._ledger.all(  # one minute longer, because a record's time is taken after its day
            f"SELECT kind, body FROM records WHERE at BETWEEN ? AND ? AND kind IN ({', '.join('?' * len(kinds))})",
            *(day * DAY * 1000, (day * DAY + DAY + 60) * 1000, *kinds),
        )
        return [(kind, body) for kind, text in rows if (body := json.loads(text))["day"] == day]

    def _nonces_fit(self) -> None:
        """Raises JournalTampered unless the table of nonces and the records agree.

        If a nonce were missing, it could be signed for a second payload.
        """
        signed = "SELECT body ->> 'nonce', body ->> 'payload' FROM records WHERE kind = 'signed'"
        held = "SELECT nonce, payload FROM nonces"
        if self._ledger.one(f"{signed} EXCEPT {held}") or self._ledger.one(f"{held} EXCEPT {signed}"):
            raise JournalTampered("the signer's table of nonces does not match its records")
