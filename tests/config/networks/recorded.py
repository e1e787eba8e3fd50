"""A recorded mainnet block as its folder has it: the header, and what is known of the state before it.

A slot that is not listed is unknown, not zero.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import rlp
from eth_utils.crypto import keccak

_BYTES = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("extraData", "mixHash", "nonce", "withdrawalsRoot", "parentBeaconBlockRoot"),
)
_HEADER = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),
)


@dataclass(frozen=True, slots=True)
class Account:
    balance: int  # wei
    nonce: int
    code: bytes
    slots: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Recorded:
    header: Mapping[str, Any]
    accounts: Mapping[str, Account]  # by lower-case address

    @property
    def number(self) -> int:
        return int(self.header["number"], 16)

    @property
    def timestamp(self) -> int:
        return int(self.header["timestamp"], 16)

    def account(self, address: str) -> Account | None:
        return self.accounts.get(address.lower())

    def knows(self, address: str, *slots: int) -> bool:
        account = self.account(address)
        return account is not None and all(slot in account.slots for slot in slots)


def load(folder: Path) -> Recorded:
    """`folder` is one block's, beside bytecodes.json.gz."""
    codes = all_codes(folder.parent)
    state = json.loads((folder / "pre_state.json").read_text())
    accounts = {
        address.lower(): Account(
            balance=int(entry["balance"], 16),
            nonce=int(entry["nonce"]),
            code=codes.get(entry.get("code_hash") or "", b""),
            slots={int(slot, 16): int(value, 16) for slot, value in entry["storage"].items()},
        )
        for address, entry in state.items()
    }
    return Recorded(json.loads((folder / "block.json").read_text()), accounts)


def blocks(root: Path) -> list[int]:
    """The numbers of all recorded blocks, ascending."""
    return sorted(int(folder.name) for folder in root.iterdir() if folder.name.isdigit())


@lru_cache
def all_codes(root: Path) -> dict[str, bytes]:
    """Runtime code by its hash, each checked against it."""
    found = {}
    for name, text in json.loads(gzip.decompress((root / "bytecodes.json.gz").read_bytes())).items():
        code = bytes.fromhex(text.removeprefix("0x"))
        assert "0x" + keccak(code).hex() == name, f"the code of {name} is another"
        found[name] = code
    return found


def header_hash(header: Mapping[str, Any]) -> str:
    """keccak of the header's RLP: the block's hash, computed rather than believed."""
    fields = [
        bytes.fromhex(header[name][2:]) if name in _BYTES else int(header[name], 16)
        for name in _HEADER
        if name in header
    ]
    return "0x" + keccak(rlp.encode(fields)).hex()
