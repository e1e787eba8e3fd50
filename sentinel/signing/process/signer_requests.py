"""What may be asked of the signer's process: one JSON object a line, versioned, bounded. Pure.

`{"v": 1, "do": "hello"}`; `"do": "sign_transaction"` with `chain_id`, `nonce`, `tx` {to, data, value, gas_limit} and
`fees` {max_fee, priority_fee}; `"do": "sign_permit"` with `typed_data`; `"do": "allow"` with `approvals`, `trades` and
`daily`, each base units by token. Amounts are JSON integers, bytes 0x-hex. Nothing asks for a hash or a free message
to be signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils.address import is_hex_address
from pydantic_core import from_json

from sentinel.core.network import Address
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.core.units import MAX_UINT256
from sentinel.signing.wire import VERSION

MAX_TOKENS = 64
_NONCES = 1 << 63


class Hello:
    pass


@dataclass(frozen=True, slots=True)
class SignTransaction:
    chain_id: int
    nonce: int
    tx: TxRequest
    fees: Fees


@dataclass(frozen=True, slots=True)
class SignPermit:
    typed_data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetCaps:
    """Caps by token in base units: of an approval, of a trade, of a UTC day's trades."""

    approvals: Mapping[Address, int]
    trades: Mapping[Address, int]
    daily: Mapping[Address, int]


Request = Hello | SignTransaction | SignPermit | SetCaps


def parse(line: bytes) -> Request:
    """Raises ValueError, whose text is fit for the answer."""
    try:
        found = from_json(line)
    except ValueError:
        raise ValueError("a request is one JSON object a line") from None
    if not isinstance(found, dict):
        raise ValueError("a request is one JSON object a line")
    if found.pop("v", None) != VERSION:
        raise ValueError(f"this signer speaks version {VERSION}")
    match found.pop("do", None):
        case "hello":
            _only(found, set())
            return Hello()
        case "sign_transaction":
            _only(found, {"chain_id", "nonce", "tx", "fees"})
            tx, fees = _table(found["tx"]), _table(found["fees"])
            _only(tx, {"to", "data", "value", "gas_limit"})
            _only(fees, {"max_fee", "priority_fee"})
            return SignTransaction(
                _number(found["chain_id"], _NONCES),
                _number(found["nonce"], _NONCES),
                TxRequest(_address(tx["to"]), _bytes(tx["data"]), _number(tx["value"]), _number(tx["gas_limit"])),
                Fees(_number(fees["max_fee"]), _number(fees["priority_fee"])),
            )
        case "sign_permit":
            _only(found, {"typed_data"})
            return SignPermit(_table(found["typed_data"]))
        case "allow":
            _only(found, {"approvals", "trades", "daily"})
            return SetCaps(*(_amounts(found[name]) for name in ("approvals", "trades", "daily")))
    raise ValueError("known requests: hello, sign_transaction, sign_permit, allow")


def _only(found: Mapping[str, Any], names: set[str]) -> None:
    if set(found) != names:
        raise ValueError(f"the fields are {', '.join(sorted(names)) or 'none'}")


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a field that should be an object is none")
    return value


def _number(value: object, below: int = MAX_UINT256 + 1) -> int:
    if type(value) is not int or not 0 <= value < below:
        raise ValueError("a number is no integer, or out of range")
    return value


def _address(value: object) -> Address:
    if not isinstance(value, str) or not value.startswith("0x") or not is_hex_address(value):
        raise ValueError("an address is none")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("bytes are 0x-hex")
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        raise ValueError("bytes are 0x-hex") from None


def _amounts(value: object) -> dict[Address, int]:
    table = _table(value)
    if len(table) > MAX_TOKENS:
        raise ValueError(f"at most {MAX_TOKENS} tokens")
    return {_address(token).lower(): _number(amount) for token, amount in table.items()}
