"""Permit2's AllowanceTransfer: the permit to sign, and the layout of an allowance in storage. Pure.

The allowance is one packed word of `allowance[owner][token][spender]`, the mapping in Permit2's second storage slot:
amount (160 bits, lowest), expiration (48 bits, Unix seconds), nonce (48 bits).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from eth_utils.crypto import keccak

from sentinel.core.abi import encode
from sentinel.core.network import Address

ALLOWANCE = bytes.fromhex("927da105")  # allowance(address owner, address token, address spender)
MAX_AMOUNT = (1 << 160) - 1
MAX_WORD48 = (1 << 48) - 1

_ALLOWANCE_SLOT = 1  # slot 0 is the nonce bitmap of SignatureTransfer

_TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "PermitDetails": [
        {"name": "token", "type": "address"},
        {"name": "amount", "type": "uint160"},
        {"name": "expiration", "type": "uint48"},
        {"name": "nonce", "type": "uint48"},
    ],
    "PermitSingle": [
        {"name": "details", "type": "PermitDetails"},
        {"name": "spender", "type": "address"},
        {"name": "sigDeadline", "type": "uint256"},
    ],
}


def typed_permit(
    *, chain_id: int, permit2: Address, token: Address, amount: int, expiration: int, nonce: int, spender: Address
) -> dict[str, Any]:
    """The EIP-712 document of a PermitSingle. The signature and the allowance expire at the same time.

    `amount` in base units, `expiration` in Unix seconds. Raises ValueError if a number does not fit its field.
    """
    if not (0 <= amount <= MAX_AMOUNT and 0 <= expiration <= MAX_WORD48 and 0 <= nonce <= MAX_WORD48):
        raise ValueError("amount, expiration or nonce does not fit into Permit2's fields")
    return {
        "types": _TYPES,
        "primaryType": "PermitSingle",
        "domain": {"name": "Permit2", "chainId": chain_id, "verifyingContract": permit2},
        "message": {
            "details": {"token": token, "amount": amount, "expiration": expiration, "nonce": nonce},
            "spender": spender,
            "sigDeadline": expiration,
        },
    }


@lru_cache(maxsize=256)
def allowance_slot(owner: Address, token: Address, spender: Address) -> str:
    """The storage slot of the packed allowance, as 0x-hex of 32 bytes."""
    key = keccak(encode(["address", "uint256"], [owner, _ALLOWANCE_SLOT]))
    for part in (token, spender):
        key = keccak(encode(["address", "bytes32"], [part, key]))
    return "0x" + key.hex()


def pack_allowance(amount: int, expiration: int, nonce: int) -> str:
    """The packed storage word, as 0x-hex of 32 bytes."""
    return f"0x{nonce << 208 | expiration << 160 | amount:064x}"


def allowance_call(owner: Address, token: Address, spender: Address) -> bytes:
    """Calldata that reads (amount, expiration, nonce)."""
    return ALLOWANCE + encode(["address", "address", "address"], [owner, token, spender])
