"""The bytes that a signature covers, and the bytes of a signed transaction. Pure; no key.

The key's holder hashes the bytes with keccak-256 itself, so that it is never asked to sign a bare hash. A signature has
65 bytes: r, s, and v, which is 27 or 28. Transactions are of type 2 (EIP-1559), or of type 0 with a chain id (EIP-155)
if `legacy` is set. Permits are EIP-712 typed data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rlp
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from sentinel.core.network import Address, HexHash
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing.signer import SignedTx

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # nodes refuse a larger s (EIP-2)
_DOMAIN = keccak(text="EIP712Domain(string name,uint256 chainId,address verifyingContract)")
_DETAILS_TYPE = "PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
_DETAILS = keccak(text=_DETAILS_TYPE)
_SINGLE = keccak(text="PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)" + _DETAILS_TYPE)


def unsigned_bytes(chain_id: int, nonce: int, tx: TxRequest, fees: Fees, *, legacy: bool = False) -> bytes:
    """The bytes to sign. If `legacy` is set, fees.max_fee is the gas price."""
    if legacy:
        return bytes(rlp.encode([*_legacy(nonce, tx, fees), chain_id, b"", b""]))
    return b"\x02" + bytes(rlp.encode(_fields(chain_id, nonce, tx, fees)))


def signed_transaction(
    chain_id: int, nonce: int, tx: TxRequest, fees: Fees, signature: bytes, *, legacy: bool = False
) -> SignedTx:
    r, s, parity = _split(signature)
    if legacy:
        raw = bytes(rlp.encode([*_legacy(nonce, tx, fees), 2 * chain_id + 35 + parity, r, s]))
    else:
        raw = b"\x02" + bytes(rlp.encode([*_fields(chain_id, nonce, tx, fees), parity, r, s]))
    return SignedTx(raw, HexHash("0x" + keccak(raw).hex()))


def permit_bytes(typed: Mapping[str, Any]) -> bytes:
    """The bytes to sign for a PermitSingle that `signer_limits.check_permit` accepted; its `types` are ignored."""
    domain, message = typed["domain"], typed["message"]
    details = message["details"]
    details_hash = _hashed(_DETAILS, details["token"], details["amount"], details["expiration"], details["nonce"])
    permit_hash = _hashed(_SINGLE, details_hash, message["spender"], message["sigDeadline"])
    domain_hash = _hashed(_DOMAIN, keccak(text=domain["name"]), domain["chainId"], domain["verifyingContract"])
    return b"\x19\x01" + domain_hash + permit_hash


def recover(preimage: bytes, signature: bytes) -> Address:
    """The signer's address. Raises ValueError if `signature` is malformed or nodes would refuse it."""
    r, s, parity = _split(signature)
    if s > HALF_ORDER:
        raise ValueError("s is in the upper half of the order")
    try:
        public_key = Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(keccak(preimage))
    except (BadSignature, ValidationError) as error:
        raise ValueError("the signature belongs to no key") from error
    return public_key.to_checksum_address()


def _split(signature: bytes) -> tuple[int, int, int]:
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise ValueError("a signature is 65 bytes and ends with 27 or 28")
    return int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64] - 27


def _fields(chain_id: int, nonce: int, tx: TxRequest, fees: Fees) -> list[Any]:
    to = bytes.fromhex(tx.to[2:])
    return [chain_id, nonce, fees.priority_fee, fees.max_fee, tx.gas_limit, to, tx.value, tx.data, []]


def _legacy(nonce: int, tx: TxRequest, fees: Fees) -> list[Any]:
    return [nonce, fees.max_fee, tx.gas_limit, bytes.fromhex(tx.to[2:]), tx.value, tx.data]


def _hashed(kind: bytes, *values: bytes | int | str) -> bytes:
    """Hash one EIP-712 struct. `bytes` are hashes already; numbers and addresses are encoded as words."""
    words = (value if isinstance(value, bytes) else _number(value).to_bytes(32, "big") for value in values)
    return keccak(kind + b"".join(words))


def _number(value: int | str) -> int:
    return int(value, 16) if isinstance(value, str) else value
