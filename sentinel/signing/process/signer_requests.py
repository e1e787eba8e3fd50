"""The requests that the signer's process accepts: one bounded, versioned JSON object per line. Pure.

- `{"v": 2, "do": "hello"}`
- `"do": "show"`, what is enforced and what was signed today
- `"do": "sign_transaction"` with `chain_id`, `nonce`, `tx` {to, data, value, gas_limit}, `fees` {max_fee, priority_fee}
  and `prices`, the reference prices that policy decided by: per token its feed's answer in the quote token
- `"do": "sign_permit"` with `typed_data`
- `"do": "allow"` with `approvals`, `trades` and `daily`, each in base units per token, and `prices` as above
- `"do": "bind"` with `genesis`, the hash of the chain's first or pinned block

Amounts are JSON integers, bytes are 0x-hex. No request signs a hash or a free message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils.address import is_hex_address
from pydantic_core import from_json

from sentinel.core.network import Address, HexHash
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.core.units import MAX_UINT256
from sentinel.signing.wire import VERSION

MAX_TOKENS = 64
_NONCES = 1 << 63


class Hello:
    pass


class Show:
    pass


@dataclass(frozen=True, slots=True)
class SignTransaction:
    chain_id: int
    nonce: int
    tx: TxRequest
    fees: Fees
    prices: Mapping[Address, int]


@dataclass(frozen=True, slots=True)
class SignPermit:
    typed_data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetCaps:
    """Caps in base units per token: for one approval, for one trade, and for the trades of a UTC day; and prices."""

    approvals: Mapping[Address, int]
    trades: Mapping[Address, int]
    daily: Mapping[Address, int]
    prices: Mapping[Address, int]


@dataclass(frozen=True, slots=True)
class Bind:
    """The chain that the daemon trades on, by the hash of its first or pinned block."""

    genesis: HexHash


Request = Hello | Show | SignTransaction | SignPermit | SetCaps | Bind


def parse(line: bytes) -> Request:
    """Decode one request. Raises ValueError, whose text may be sent back to the client."""
    try:
        fields = from_json(line)
    except ValueError:
        raise ValueError("a request must be one JSON object per line") from None
    if not isinstance(fields, dict):
        raise ValueError("a request must be one JSON object per line")
    if fields.pop("v", None) != VERSION:
        raise ValueError(f"this signer speaks version {VERSION}")
    match fields.pop("do", None):
        case "hello":
            _only(fields, set())
            return Hello()
        case "show":
            _only(fields, set())
            return Show()
        case "sign_transaction":
            _only(fields, {"chain_id", "nonce", "tx", "fees", "prices"})
            tx, bid = _table(fields["tx"]), _table(fields["fees"])
            _only(tx, {"to", "data", "value", "gas_limit"})
            _only(bid, {"max_fee", "priority_fee"})
            return SignTransaction(
                _number(fields["chain_id"], _NONCES),
                _number(fields["nonce"], _NONCES),
                TxRequest(_address(tx["to"]), _bytes(tx["data"]), _number(tx["value"]), _number(tx["gas_limit"])),
                Fees(_number(bid["max_fee"]), _number(bid["priority_fee"])),
                _amounts(fields["prices"]),
            )
        case "sign_permit":
            _only(fields, {"typed_data"})
            return SignPermit(_table(fields["typed_data"]))
        case "bind":
            _only(fields, {"genesis"})
            return Bind(_hash(fields["genesis"]))
        case "allow":
            _only(fields, {"approvals", "trades", "daily", "prices"})
            return SetCaps(*(_amounts(fields[name]) for name in ("approvals", "trades", "daily", "prices")))
    raise ValueError("known requests: hello, show, sign_transaction, sign_permit, bind, allow")


def _only(fields: Mapping[str, Any], names: set[str]) -> None:
    if set(fields) != names:
        raise ValueError(f"the fields must be: {', '.join(sorted(names)) or 'none'}")


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a field must be an object")
    return value


def _number(value: object, below: int = MAX_UINT256 + 1) -> int:
    if type(value) is not int or not 0 <= value < below:
        raise ValueError("a number must be an integer in range")
    return value


def _address(value: object) -> Address:
    if not isinstance(value, str) or not value.startswith("0x") or not is_hex_address(value):
        raise ValueError("an address must be 0x and 40 hex digits")
    return value


def _hash(value: object) -> HexHash:
    if len(raw := _bytes(value)) != 32:
        raise ValueError("a hash must be 0x and 64 hex digits")
    return HexHash("0x" + raw.hex())


def _bytes(value: object) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("bytes must be 0x-hex")
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        raise ValueError("bytes must be 0x-hex") from None


def _amounts(value: object) -> dict[Address, int]:
    table = _table(value)
    if len(table) > MAX_TOKENS:
        raise ValueError(f"at most {MAX_TOKENS} tokens are allowed")
    return {_address(token).lower(): _number(amount) for token, amount in table.items()}
