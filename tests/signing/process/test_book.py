"""The signer's counters: pure rules under random requests, and a record that is durable, chained and append-only."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.errors import ChainMismatch, JournalError, JournalTampered, SignerRefused, WalletBusy
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.core.units import DAY
from sentinel.signing.process import signing_ledger as book_module
from sentinel.signing.process.daily_caps import DayCaps, SignedNonce, SignedToday, SigningRequest, count
from sentinel.signing.process.signing_ledger import FILE, SigningLedger

OWN, TOKEN = "0x" + "a" * 40, "0x" + "b" * 40
CAPS = DayCaps({TOKEN: 100}, 1000, 6, 50)


def asked(nonce: int, payload: str, taken: int = 0, gas: int = 10) -> SigningRequest:
    return SigningRequest(nonce, payload, payload == "cancel", gas, {TOKEN: taken} if taken else {})


class Clock:
    now = 20_000.5 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(folder: Path, clock: Clock, address: str = OWN) -> SigningLedger:
    return SigningLedger.open(folder, 31337, address, CAPS, clock)


@pytest.fixture
def book(tmp_path: Path, clock: Clock) -> Iterator[SigningLedger]:
    book = opened(tmp_path, clock)
    yield book
    book.close()


REQUESTS = st.lists(
    st.builds(
        asked,
        st.integers(0, 3),
        st.sampled_from(["a", "b", "cancel"]),
        st.just(0) | st.integers(1, 60),
        st.integers(0, 400),
    ),
    max_size=30,
)


@given(REQUESTS)
def test_no_order_of_requests_gets_past_a_cap(requests: list[SigningRequest]) -> None:
    """Whatever is asked in whatever order: one payload a nonce but for cancels, and every sum stays at its cap."""
    held: dict[int, SignedNonce] = {}
    spent = SignedToday()
    signed: list[SigningRequest] = []
    for request in requests:
        if request.cancel:
            request = dataclasses.replace(request, spends={})
        try:
            held[request.nonce], spent = count(request, held.get(request.nonce), spent, CAPS)
        except SignerRefused:
            continue
        signed.append(request)
    for nonce in held:
        mine = [request for request in signed if request.nonce == nonce]
        assert len({request.payload for request in mine if not request.cancel}) <= 1
        assert mine[0].payload == held[nonce].payload
    once = {request.nonce: request for request in reversed(signed)}.values()  # the first of each nonce
    assert sum(amount for request in once for amount in request.spends.values()) == spent.volume.get(TOKEN, 0) <= 100
    worst = sum(max(r.gas for r in signed if r.nonce == nonce) for nonce in held)
    assert worst == spent.gas <= CAPS.gas
    assert len(signed) == spent.signatures
    first = {id(request) for request in once}
    counted = [at for at, request in enumerate(signed) if not request.cancel or id(request) in first]
    assert max(counted, default=0) < CAPS.signatures  # after that only cancels of what was signed


def test_a_cancel_of_a_held_nonce_is_always_signed() -> None:
    """With the day's signatures used up nothing else is signed; such a cancel is, however often, and is counted."""
    full = SignedToday(signatures=CAPS.signatures)
    held = SignedNonce("a", 10)
    for nonce_held, request in ((held, asked(0, "a")), (None, asked(0, "a")), (None, asked(0, "cancel"))):
        with pytest.raises(SignerRefused, match="signatures today"):
            count(request, nonce_held, full, CAPS)
    for times in range(1, 4):
        held, full = count(asked(0, "cancel"), held, full, CAPS)
        assert full.signatures == CAPS.signatures + times


def test_a_restart_remembers(tmp_path: Path, clock: Clock) -> None:
    """Closed and opened again, volume, gas, signatures and nonces are what they were; the next day starts anew, the
    nonces do not; a clock set back goes on with that day's counters."""
    book = opened(tmp_path, clock)
    book.transaction(asked(0, "a", 60, 300), {})
    book.transaction(asked(0, "a", 60, 500), {})
    book.permit({})
    before = book.spent
    assert before == SignedToday({TOKEN: 60}, 500, 3)
    book.close()

    book = opened(tmp_path, clock)
    assert book.spent == before
    with pytest.raises(SignerRefused, match="other bytes"):
        book.transaction(asked(0, "b", 1), {})
    with pytest.raises(SignerRefused, match="today"):
        book.transaction(asked(1, "b", 41), {})
    clock.now += DAY
    assert book.spent == SignedToday()
    book.transaction(asked(1, "b", 41), {})
    with pytest.raises(SignerRefused, match="other bytes"):
        book.transaction(asked(0, "b", 1), {})
    clock.now -= DAY
    assert book.spent == before
    book.close()


def test_the_days_caps_only_fall(tmp_path: Path, clock: Clock) -> None:
    """Of each token the least of the day's hand-overs counts, over restarts, and what one left out stays out; the next
    day's first one is free."""
    other = "0x" + "c" * 40
    book = opened(tmp_path, clock)
    first = {"approvals": {TOKEN: 50, other: 7}, "trades": {TOKEN: 5}, "daily": {TOKEN: 10**30}}
    assert book.record_caps(first) == first
    book.close()
    book = opened(tmp_path, clock)
    more = {"approvals": {TOKEN: 40, other: 9}, "trades": {TOKEN: 6, other: 6}, "daily": {TOKEN: 10**30 + 1}}
    least = {"approvals": {TOKEN: 40, other: 7}, "trades": {TOKEN: 5}, "daily": {TOKEN: 10**30}}
    assert book.record_caps(more) == least
    with pytest.raises(SignerRefused, match="no token is left"):
        book.record_caps({**more, "trades": {other: 6}})
    assert book.record_caps(first) == least
    clock.now += DAY
    assert book.record_caps(more) == more
    clock.now -= DAY
    assert book.record_caps(more) == least
    book.close()


def test_the_record_is_append_only(book: SigningLedger, tmp_path: Path) -> None:
    """SQLite itself refuses to change or remove a line, and every line says what was asked and decided."""
    book.transaction(asked(0, "a", 60), {"to": OWN})
    book.refused("volume", {"to": TOKEN, "reason": "too much"})
    with sqlite3.connect(tmp_path / FILE) as db:
        for change in ("UPDATE records SET body = '{}'", "DELETE FROM records"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                db.execute(change)
    db.close()
    lines = book.records()
    assert [kind for kind, _ in lines] == ["opened", "signed", "refused"]
    assert (lines[1][1]["to"], lines[1][1]["nonce"], lines[1][1]["taken"]) == (OWN, 0, {TOKEN: "60"})
    assert (lines[2][1]["rule"], lines[2][1]["reason"]) == ("volume", "too much")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("UPDATE records SET body = replace(body, '60', '10') WHERE kind = 'signed'", JournalTampered),
        ("DELETE FROM records WHERE kind = 'signed'", JournalTampered),
        ("DELETE FROM nonces", JournalTampered),
        ("UPDATE nonces SET payload = 'b'", JournalTampered),
        ("INSERT INTO nonces VALUES (5, 'x', '0')", JournalTampered),
    ],
)
def test_a_changed_record_is_found(tmp_path: Path, clock: Clock, change: str, error: type[JournalError]) -> None:
    """Whoever gets round the triggers is found by the hashes, and a nonce cannot be let go."""
    book = opened(tmp_path, clock)
    book.transaction(asked(0, "a", 60), {})
    book.close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("DROP TRIGGER never_changed")
        db.execute("DROP TRIGGER never_removed")
        db.execute(change)
    db.close()
    with pytest.raises(error):
        opened(tmp_path, clock)


def test_a_file_that_is_gone_or_anothers_is_refused(tmp_path: Path, clock: Clock) -> None:
    """One writer, one key; an emptied folder is no fresh start."""
    book = opened(tmp_path, clock)
    with pytest.raises(WalletBusy, match="another Sentinel"):
        opened(tmp_path, clock)
    book.close()
    with pytest.raises(ChainMismatch, match="give it another"):
        opened(tmp_path, clock, TOKEN)
    for file in tmp_path.glob(FILE + "*"):
        if not file.name.endswith(".lock"):
            file.unlink()
    with pytest.raises(JournalError, match="has been in use"):
        opened(tmp_path, clock)


def test_refusals_do_not_fill_the_disk(book: SigningLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many a day are written down; whoever asks on is refused all the same."""
    monkeypatch.setattr(book_module, "MAX_REFUSALS", 3)
    for _ in range(10):
        book.refused("to", {})
    assert len(book.records()) == 1 + 3


def test_a_payload_is_all_that_a_replacement_must_keep() -> None:
    """Recipient, value, data and gas limit make the payload; fees do not."""
    tx = TxRequest(TOKEN, b"\1", 2, 3)
    own = SigningRequest.of(7, tx, Fees(5, 1), OWN, {})
    assert (own.gas, own.cancel) == (15, False)
    assert SigningRequest.of(7, tx, Fees(9, 2), OWN, {}).payload == own.payload
    others = [
        dataclasses.replace(tx, **change) for change in ({"to": OWN}, {"data": b"\2"}, {"value": 3}, {"gas_limit": 4})
    ]
    assert len({own.payload, *(SigningRequest.of(7, other, Fees(5, 1), OWN, {}).payload for other in others)}) == 5
    assert SigningRequest.of(7, TxRequest(OWN.upper().replace("0X", "0x"), b"", 0, 21_000), Fees(5, 1), OWN, {}).cancel
