"""The bytes that are signed, against eth-account as an independent witness."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing import signed_bytes
from sentinel.signing.process.keys import LocalKey
from tests.signing.process.world import KEY, WALLET, permit

OWN = LocalKey(bytes.fromhex(KEY))
NUMBERS = st.integers(0, 2**64 - 1)
ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())


@pytest.mark.parametrize("legacy", [False, True])
@given(ADDRESSES, st.binary(max_size=200), NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(1, 2**32))
@settings(max_examples=20)
def test_transactions_are_as_eth_account_writes_them(
    legacy: bool, to: str, data: bytes, value: int, gas: int, nonce: int, fee: int, chain_id: int
) -> None:
    """Type 2 and type 0, byte for byte, and the signer is recovered from what is signed."""
    tx, fees = TxRequest(to, data, value, gas), Fees(fee, fee // 2)
    offered: dict[str, Any] = {"gasPrice": fee} if legacy else {"maxFeePerGas": fee, "maxPriorityFeePerGas": fee // 2}
    fields = {"to": to_checksum_address(to), "data": data, "value": value, "gas": gas, "nonce": nonce}
    expected = Account.sign_transaction({**fields, "chainId": chain_id, **offered}, KEY)
    preimage = signed_bytes.unsigned_bytes(chain_id, nonce, tx, fees, legacy=legacy)
    signature = _sign(preimage)
    assert signed_bytes.recover(preimage, signature) == WALLET
    signed = signed_bytes.signed_transaction(chain_id, nonce, tx, fees, signature, legacy=legacy)
    assert signed.raw == expected.raw_transaction
    assert signed.tx_hash == "0x" + expected.hash.hex().removeprefix("0x")


@given(st.integers(0, 2**160 - 1), st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1), st.integers(0, 2**256 - 1))
@settings(max_examples=20)
def test_permits_are_as_eth_account_hashes_them(amount: int, expiration: int, nonce: int, deadline: int) -> None:
    """The whole range of a PermitSingle's fields."""
    typed = permit(1)
    typed["message"]["details"] |= {"amount": amount, "expiration": expiration, "nonce": nonce}
    typed["message"]["sigDeadline"] = deadline
    message = encode_typed_data(full_message=typed)
    assert signed_bytes.permit_bytes(typed) == b"\x19" + message.version + message.header + message.body


def test_what_is_no_signature_is_told_apart() -> None:
    """Wrong length, wrong end, zero, and the twin with a high s that nodes refuse."""
    preimage = b"anything"
    good = _sign(preimage)
    order = 2 * signed_bytes.HALF_ORDER + 1
    s = int.from_bytes(good[32:64])
    twin = good[:32] + (order - s).to_bytes(32) + bytes((55 - good[64],))
    assert Account._recover_hash(keccak(preimage), signature=twin) == WALLET  # a valid one, by the curve alone
    for bad in (b"", good[:64], good + b"\0", good[:64] + b"\x01", b"\0" * 64 + b"\x1b", twin):
        with pytest.raises(ValueError, match=r"signature|half"):
            signed_bytes.recover(preimage, bad)
    assert signed_bytes.recover(b"another", good) != WALLET


def _sign(preimage: bytes) -> bytes:
    """As LocalKey.sign, without a loop."""
    try:
        OWN.sign(preimage).send(None)
    except StopIteration as done:
        signature: bytes = done.value
        return signature
    raise AssertionError("a local key waits for nothing")
