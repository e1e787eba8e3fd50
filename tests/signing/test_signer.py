"""The signer signs what its own limits allow, refuses everything else, and shows its key nowhere."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import pickle
import stat
import traceback
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data

from sentinel.core.errors import SettingsError, SignerRefused
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing.process import keystore_files
from sentinel.signing.process.local_signer import DevSigner, KeystoreSigner
from sentinel.signing.process.secret_files import read_password
from sentinel.signing.router_call import EXECUTE
from sentinel.signing.signer_limits import APPROVE, SignerLimits, check_permit, check_transaction

KEY = "c0ffee" * 10 + "beef"
OWN = Account.from_key(KEY).address
ROUTER, PERMIT2, TOKEN, OTHER = ("0x" + digit * 40 for digit in "1234")
NOW = 1_000_000
LIMITS = SignerLimits(31337, ROUTER, PERMIT2, {TOKEN: 1000, OTHER: 10}, 500_000, 100, 10, 40_000_000, 240)
FEES = Fees(100, 10)


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


SENDER, ITSELF, STRANGER = ("0x" + digit.rjust(40, "0") for digit in "129")
V2, V3 = 0x08, 0x00


def hop(
    kind: int, recipient: str, amount: int, least: int, tokens: tuple[str, ...], from_wallet: bool, tail: bytes = b""
) -> bytes:
    path: Any = list(tokens)
    if kind == V3:
        path = bytes.fromhex(tokens[0][2:]) + b"".join(b"\0\x0b\xb8" + bytes.fromhex(t[2:]) for t in tokens[1:]) + tail
    how = "bytes" if kind == V3 else "address[]"
    return encode(["address", "uint256", "uint256", how, "bool"], [recipient, amount, least, path, from_wallet])


def router_call(*commands: tuple[int, bytes], deadline: int = NOW + 120) -> bytes:
    kinds, inputs = bytes(kind for kind, _ in commands), [given for _, given in commands]
    return EXECUTE + encode(["bytes", "bytes[]", "uint256"], [kinds, inputs, deadline])


def granted(token: str = TOKEN, amount: int = 1000, spender: str = ROUTER) -> tuple[int, bytes]:
    single = ((token, amount, NOW + 120, 0), spender, NOW + 120)
    return 0x8A, encode(["((address,uint160,uint48,uint48),address,uint256)", "bytes"], [single, b"\1" * 65])


def bought(
    recipient: str = SENDER, amount: int = 1000, least: int = 7, kind: int = V3, tail: bytes = b""
) -> tuple[int, bytes]:
    return kind, hop(kind, recipient, amount, least, (TOKEN, OTHER), True, tail)


FIRST = (V2, hop(V2, ITSELF, 1000, 0, (TOKEN, OTHER), True))
SECOND = (V3, hop(V3, SENDER, 1 << 255, 7, (OTHER, TOKEN), False))
SWAP = TxRequest(ROUTER, router_call(granted(), bought()), 0, 400_000)
CALLS = {
    "V3": router_call(granted(), bought()),
    "V2 without a permit": router_call(bought(kind=V2)),
    "to the own address": router_call(granted(), bought(recipient=OWN)),
    "a circle over the router": router_call(granted(), FIRST, SECOND),
    "two routes": router_call(granted(), bought(amount=400), bought(amount=600, kind=V2)),
}
ALLOW = TxRequest(TOKEN, APPROVE + words(int(PERMIT2, 16), 1000), 0, 60_000)
CANCEL = TxRequest(OWN, b"", 0, 21_000)


def permit(**changes: Any) -> dict[str, Any]:
    """A PermitSingle of 1,000 for the router; `changes` by dotted path."""
    typed: dict[str, Any] = {
        "domain": {"name": "Permit2", "chainId": 31337, "verifyingContract": PERMIT2},
        "primaryType": "PermitSingle",
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "PermitSingle": [
                {"name": "details", "type": "PermitDetails"},
                {"name": "spender", "type": "address"},
                {"name": "sigDeadline", "type": "uint256"},
            ],
            "PermitDetails": [
                {"name": "token", "type": "address"},
                {"name": "amount", "type": "uint160"},
                {"name": "expiration", "type": "uint48"},
                {"name": "nonce", "type": "uint48"},
            ],
        },
        "message": {
            "details": {"token": TOKEN, "amount": 1000, "expiration": NOW + 120, "nonce": 0},
            "spender": ROUTER,
            "sigDeadline": NOW + 120,
        },
    }
    for path, value in changes.items():
        *way, last = path.split("__")
        inner = typed
        for step in way:
            inner = inner[step]
        inner[last] = value
    return typed


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "dev.key"
    path.write_text("0x" + KEY + "\n")
    return path


@pytest.fixture
def signer(key_file: Path) -> DevSigner:
    return DevSigner.load(key_file, LIMITS, lambda: NOW)


@pytest.mark.parametrize("tx", [SWAP, ALLOW, CANCEL], ids=["swap", "approve", "cancel"])
async def test_signs_what_is_allowed(signer: DevSigner, tx: TxRequest) -> None:
    """A swap, an approval and a cancel inside the limits are signed by the wallet's address."""
    signed = await signer.sign_transaction(31337, 7, tx, FEES)
    assert Account.recover_transaction(signed.raw) == signer.address == OWN
    assert signed.raw[0] == 2
    assert len(signed.tx_hash) == 66


@pytest.mark.parametrize("data", CALLS.values(), ids=CALLS)
async def test_signs_every_shape_of_a_trade(signer: DevSigner, data: bytes) -> None:
    """What the toolkit writes: one swap, two routes, a circle over the router, with and without a permit."""
    await signer.sign_transaction(31337, 7, dataclasses.replace(SWAP, data=data), FEES)


def test_a_trade_has_a_cap_of_its_own() -> None:
    """What one trade or permit may take is not what Permit2 may be allowed at most."""
    limits = dataclasses.replace(LIMITS, trades={TOKEN: 999, OTHER: 10})
    for tx in (SWAP, dataclasses.replace(SWAP, data=router_call(bought()))):
        with pytest.raises(SignerRefused):
            check_transaction(31337, tx, FEES, OWN, limits, NOW)
    with pytest.raises(SignerRefused):
        check_permit(permit(), limits, NOW)
    check_transaction(31337, ALLOW, FEES, OWN, limits, NOW)
    check_transaction(31337, dataclasses.replace(SWAP, data=router_call(bought(amount=999))), FEES, OWN, limits, NOW)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("chain", {"chain_id": 1}),
    ("value", {"tx": dataclasses.replace(SWAP, value=1)}),
    ("value", {"tx": dataclasses.replace(ALLOW, value=1)}),
    ("value", {"tx": dataclasses.replace(CANCEL, value=1)}),
    ("to", {"tx": dataclasses.replace(SWAP, to="0x" + "9" * 40)}),
    ("to", {"tx": dataclasses.replace(SWAP, to=PERMIT2)}),
    ("gas", {"tx": dataclasses.replace(SWAP, gas_limit=500_001)}),
    ("gas", {"tx": dataclasses.replace(SWAP, gas_limit=0)}),
    ("fee", {"fees": Fees(101, 10)}),
    ("fee", {"fees": Fees(100, 11)}),
    ("fee", {"fees": Fees(5, 6)}),
    ("cost", {"tx": dataclasses.replace(SWAP, gas_limit=400_001)}),
    ("selector", {"tx": dataclasses.replace(SWAP, data=b"\xa9\x05\x9c\xbb" + SWAP.data[4:])}),
    ("calldata", {"tx": dataclasses.replace(SWAP, data=EXECUTE)}),
    *(
        (rule, {"tx": dataclasses.replace(SWAP, data=data)})
        for rule, data in (
            ("deadline", router_call(bought(), deadline=NOW + 241)),
            ("deadline", router_call(bought(), deadline=2**256 - 1)),
            ("recipient", router_call(bought(recipient=STRANGER))),
            ("recipient", router_call(bought(recipient=STRANGER, kind=V2))),
            ("min_out", router_call(bought(least=0))),
            ("amount", router_call(bought(amount=1001))),
            ("amount", router_call(bought(amount=600), bought(amount=401))),
            ("amount", router_call(granted(amount=1001), bought())),
            ("amount", router_call(granted(token=STRANGER), bought())),
            ("spender", router_call(granted(spender=STRANGER), bought())),
            ("token", router_call((V2, hop(V2, SENDER, 1, 1, (TOKEN, STRANGER), True)))),
            ("token", router_call((V3, hop(V3, SENDER, 1, 1, (TOKEN, STRANGER, OTHER), True)))),
            ("command", router_call((0x04, bought()[1]))),  # SWEEP
            ("command", router_call(bought(), (0x05, words(int(TOKEN, 16), int(STRANGER, 16), 1)))),  # TRANSFER
            ("token", router_call((0x02, words(int(TOKEN, 16), int(STRANGER, 16), 1)))),  # PERMIT2_TRANSFER_FROM
            ("command", router_call(bought(), granted())),
            ("command", router_call((0x80, bought()[1]))),  # a swap that may fail
            ("calldata", router_call()),
            ("calldata", router_call(granted())),
            ("calldata", router_call(FIRST)),
            ("calldata", router_call(SECOND)),
            ("calldata", router_call(FIRST, bought())),
            ("calldata", router_call((V2, hop(V2, SENDER, 1, 1, (TOKEN,), True)))),
            ("calldata", router_call((V3, bought(kind=V2)[1]))),
            ("calldata", router_call(bought(tail=b"\0"))),
            ("calldata", EXECUTE + encode(["bytes", "bytes[]", "uint256"], [b"", [bought()[1]], NOW + 120])),
            ("calldata", router_call(bought()) + b"\0"),
            ("calldata", router_call(bought())[:-32]),
            ("calldata", EXECUTE + words(96, 160, NOW + 120, 0, 0)),
        )
    ),
    ("selector", {"tx": dataclasses.replace(ALLOW, data=b"\xa9\x05\x9c\xbb" + ALLOW.data[4:])}),
    ("selector", {"tx": dataclasses.replace(ALLOW, data=ALLOW.data + b"\0")}),
    ("spender", {"tx": dataclasses.replace(ALLOW, data=APPROVE + words(int(ROUTER, 16), 1))}),
    ("amount", {"tx": dataclasses.replace(ALLOW, data=APPROVE + words(int(PERMIT2, 16), 1001))}),
    ("cancel", {"tx": dataclasses.replace(CANCEL, data=b"\0")}),
    ("cancel", {"tx": dataclasses.replace(CANCEL, gas_limit=50_000)}),
]


@pytest.mark.parametrize(("rule", "change"), REFUSED, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(REFUSED)])
async def test_refuses_what_is_not(signer: DevSigner, rule: str, change: dict[str, Any]) -> None:
    """Each limit refuses on its own, under its name."""
    given: dict[str, Any] = {"chain_id": 31337, "tx": SWAP, "fees": FEES} | change
    with pytest.raises(SignerRefused) as refusal:
        await signer.sign_transaction(given["chain_id"], 7, given["tx"], given["fees"])
    assert refusal.value.rule == rule


async def test_signs_a_permit(signer: DevSigner) -> None:
    """A permit for the router inside the cap is signed over exactly the typed data."""
    signature = await signer.sign_permit(permit())
    assert len(signature) == 65
    assert Account.recover_message(encode_typed_data(full_message=permit()), signature=signature) == OWN


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("spender", {"message__spender": OWN}),
        ("amount", {"message__details__amount": 1001}),
        ("amount", {"message__details__token": ROUTER}),
        ("deadline", {"message__details__expiration": NOW + 241}),
        ("deadline", {"message__sigDeadline": 2**48}),
        ("permit", {"message__details__amount": "5"}),
        ("permit", {"message__details__amount": True}),
        ("permit", {"message__details__amount": -1}),
        ("permit", {"domain__verifyingContract": ROUTER}),
        ("permit", {"domain__salt": "0x00"}),
        ("chain", {"domain__chainId": 1}),
        ("permit", {"primaryType": "PermitBatch"}),
        ("permit", {"types__PermitDetails": []}),
        ("permit", {"message": {}}),
    ],
)
def test_refuses_other_permits(rule: str, change: dict[str, Any]) -> None:
    """Another spender, token, amount, time, chain, contract or type is not signed."""
    with pytest.raises(SignerRefused) as refusal:
        check_permit(permit(**change), LIMITS, NOW)
    assert refusal.value.rule == rule


def test_a_development_key_is_for_the_development_chain(key_file: Path) -> None:
    """A raw key is refused on any chain id but 31337, and the message says what to use."""
    with pytest.raises(SettingsError, match="keystore"):
        DevSigner.load(key_file, dataclasses.replace(LIMITS, chain_id=1))


def test_keystore_round_trip(tmp_path: Path, key_file: Path) -> None:
    """An imported key signs under its own address; the file is private, never overwritten, and needs its password."""
    store, password = tmp_path / "wallets" / "w.json", tmp_path / "password"
    password.write_text("correct horse\n")
    assert keystore_files.import_key(store, key_file, read_password(password), rounds=2) == OWN
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert keystore_files.show(store) == OWN
    assert KEY not in store.read_text()
    assert [path.name for path in store.parent.iterdir()] == ["w.json"]
    assert KeystoreSigner.load(store, password, LIMITS).address == OWN
    with pytest.raises(SettingsError, match="never overwritten"):
        keystore_files.create(store, "other", rounds=2)
    password.write_text("wrong\n")
    with pytest.raises(SettingsError, match="does not open"):
        KeystoreSigner.load(store, password, LIMITS)


def test_new_wallets_differ(tmp_path: Path) -> None:
    """Two new wallets have two addresses; an empty password is refused."""
    made = {keystore_files.create(tmp_path / f"{n}.json", "x", rounds=2) for n in range(2)}
    assert len(made) == 2
    with pytest.raises(SettingsError, match="password"):
        keystore_files.create(tmp_path / "3.json", "")


@pytest.mark.parametrize("text", ["", "zz", KEY[:-2], "00" * 32, "ff" * 32, KEY + "00"])
def test_a_bad_key_is_not_repeated(tmp_path: Path, text: str) -> None:
    """A file that holds no key is refused in words that do not repeat what it holds."""
    path = tmp_path / "bad.key"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        keystore_files.import_key(tmp_path / "w.json", path, "x", rounds=2)
    told = "".join(traceback.format_exception(error.value))
    assert not text or text not in told
    assert not (tmp_path / "w.json").exists()


async def test_the_key_is_nowhere_to_be_seen(
    tmp_path: Path, key_file: Path, signer: DevSigner, caplog: pytest.LogCaptureFixture
) -> None:
    """A canary key is in no repr, log, error or pickle of the signer."""
    caplog.set_level(logging.DEBUG)
    shown = [repr(signer), str(signer), f"{signer!r}", repr([signer]), repr(LIMITS)]
    with pytest.raises(TypeError) as refused:
        pickle.dumps(signer)
    shown += traceback.format_exception(refused.value)
    with pytest.raises(SignerRefused) as refusal:
        await signer.sign_transaction(1, 0, SWAP, FEES)
    shown += traceback.TracebackException.from_exception(refusal.value, capture_locals=True).format()
    signed = await signer.sign_transaction(31337, 0, SWAP, FEES)
    shown += [repr(signed), json.dumps(dict(os.environ)), caplog.text, str(dir(signer))]
    assert not hasattr(signer, "__dict__")
    canary = KEY.lower()
    assert all(canary not in text.lower() and str(int(KEY, 16)) not in text for text in shown)
    assert bytes.fromhex(KEY) not in signed.raw


def test_checks_are_pure() -> None:
    """The limits are checked without a key."""
    check_transaction(31337, SWAP, FEES, OWN, LIMITS, NOW)
