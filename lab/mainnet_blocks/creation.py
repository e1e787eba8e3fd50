"""A contract creation for a simulator that knows only calls: a call runs the init code at the new address. Pure.

A call to that address without calldata runs the same init code in the same context. The differences are corrected
afterwards: gas that only a creation pays (EIP-2, EIP-3860, calldata, the code deposit), the balances of the sender and
of the block's proposer, and the code that remains. Two differences are not corrected: EXTCODESIZE of the contract
itself, and refunds at their cap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_utils.crypto import keccak

from lab.mainnet_blocks.real_block import RealBlock
from sentinel.dex.simulating.simulate_v1 import ExecutedCall

_ASKER, _READER = ("0x" + keccak(name)[12:].hex() for name in (b"sentinel balance asker", b"sentinel balance reader"))
_BALANCE_OF_CALLDATA = "0x6000353160005260206000f3"  # mstore(0, balance(calldataload(0))), return it
_READ_GAS = 100_000
_DEPOSIT = 200  # gas per byte of deployed code
_LARGEST = 24_576  # max bytes of deployed code (EIP-170)


@dataclass(frozen=True, slots=True)
class Creation:
    """A transaction that creates a contract."""

    sender: str
    proposer: str  # of the block
    address: str  # of the new contract, lower-case
    init: bytes
    gas: int  # the transaction's limit
    price: int  # effective price, wei per gas
    base_fee: int  # the burnt part of it, wei per gas
    extra: int  # intrinsic gas that a call does not pay

    @staticmethod
    def of(block: RealBlock, tx: Mapping[str, Any]) -> Creation:
        init = bytes.fromhex(tx["input"][2:])
        base_fee = int(block.header.get("baseFeePerGas", "0x0"), 16)
        price = int(tx["gasPrice"], 16)
        if "maxFeePerGas" in tx:
            price = min(int(tx["maxFeePerGas"], 16), base_fee + int(tx["maxPriorityFeePerGas"], 16))
        words = -(-len(init) // 32) if block.hardfork in ("shanghai", "cancun", "prague", "osaka") else 0
        extra = 32_000 + 16 * len(init) - 12 * init.count(0) + 2 * words
        created = created_address(tx["from"], int(tx["nonce"], 16))
        sender, proposer = tx["from"].lower(), block.header["miner"].lower()
        return Creation(sender, proposer, created, init, int(tx["gas"], 16), price, base_fee, extra)

    def state(self) -> dict[str, Any]:
        """State overrides for the call."""
        new_contract = {"code": "0x" + self.init.hex(), "nonce": "0x1", "state": {}}  # a new contract has no storage
        return {self.address: new_contract, _READER: {"code": _BALANCE_OF_CALLDATA}, _ASKER: {"balance": hex(10**24)}}


@dataclass(frozen=True, slots=True)
class CreatedContract:
    """The result of a creation, and the state overrides for the transactions after it."""

    result: ExecutedCall
    state: Mapping[str, Any]


def created_address(sender: str, nonce: int) -> str:
    """Address of the new contract in lower case: the last 20 bytes of keccak(rlp([sender, nonce]))."""
    digits = nonce.to_bytes(-(-nonce.bit_length() // 8))
    counted = digits if 0 < nonce < 0x80 else bytes([0x80 + len(digits)]) + digits
    items = b"\x94" + bytes.fromhex(sender[2:]) + counted
    return "0x" + keccak(bytes([0xC0 + len(items)]) + items)[12:].hex()


def as_call(creation: Creation, call: Mapping[str, Any]) -> dict[str, Any]:
    """The creation as a call without calldata."""
    return {**call, "to": creation.address, "input": "0x", "gas": hex(creation.gas - creation.extra)}


def funds_read(address: str, block: RealBlock) -> dict[str, Any]:
    """A call that reads the wei of `address`. It pays no tip, so it changes no balance that it reads."""
    fee = block.header.get("baseFeePerGas", "0x0")
    fields = {"from": _ASKER, "to": _READER, "gas": hex(_READ_GAS), "input": "0x" + address[2:].rjust(64, "0")}
    return fields | {"maxFeePerGas": fee, "maxPriorityFeePerGas": "0x0", "value": "0x0"}


def settled(creation: Creation, done: ExecutedCall, funds: Sequence[int]) -> CreatedContract:
    """Correct the result `done` of the call. `funds` are the wei of the sender and of the block's proposer after it."""
    sender, proposer = funds
    deposit = _DEPOSIT * len(done.returned) if done.ok else 0
    used = done.gas_used + creation.extra + deposit
    deployed = done.ok and used <= creation.gas and len(done.returned) <= _LARGEST and done.returned[:1] != b"\xef"
    if done.ok and not deployed:
        done = replace(done, ok=False, logs=(), returned=b"", error="the code could not be deployed")
        used = creation.gas
    extra_gas = used - done.gas_used
    state = {
        creation.address: {"code": "0x" + done.returned.hex()} if deployed else {"code": "0x", "nonce": "0x0"},
        creation.sender: {"balance": hex(sender - extra_gas * creation.price)},
        creation.proposer: {"balance": hex(proposer + extra_gas * (creation.price - creation.base_fee))},
    }
    return CreatedContract(replace(done, gas_used=used), state)
