"""What is asked of eth_simulateV1 and what it answers: for candidates, and for the replay of real blocks. Pure.

A request is one or more segments that see one another's effects; each segment is one block environment with the
transactions in it. Requests do not see one another's effects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address

from sentinel.chain.rpc import Call, quantity
from sentinel.core.network import Address, FeeMarket, HexHash
from sentinel.core.simulation import Log, SimEnv
from sentinel.core.transaction import Fees

Json = Mapping[str, Any]

# a header's field -> the override that it must show
_ECHOED = {
    "number": "number",
    "timestamp": "time",
    "gasLimit": "gasLimit",
    "miner": "feeRecipient",
    "baseFeePerGas": "baseFeePerGas",
}


@dataclass(frozen=True, slots=True)
class SimulatedBlock:
    """`block`: block overrides; `state`: state overrides put in place before the calls. All as JSON."""

    block: Json
    calls: Sequence[Json]
    state: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExecutedCall:
    """What one transaction did."""

    ok: bool
    gas_used: int  # net of refunds
    logs: tuple[Log, ...]
    returned: bytes  # return data, or revert data
    error: str  # the node's words for what did not succeed; empty where it did


def simulation_request(segments: Sequence[SimulatedBlock], upon: Json | str = "latest") -> Call:
    """The JSON-RPC call. `validation` makes BASEFEE, GASPRICE and the gas payment what they are on the chain.

    `upon`: the block parameter of the parent, as `rpc.at_block` makes it.
    """
    states = [
        {"blockOverrides": segment.block, "stateOverrides": segment.state, "calls": segment.calls}
        for segment in segments
    ]
    return "eth_simulateV1", [{"blockStateCalls": states, "validation": True, "traceTransfers": False}, upon]


def transaction(
    market: FeeMarket,
    sender: Address,
    to: Address,
    data: bytes | str,
    value: int,
    gas: int,
    fees: Fees,
    nonce: int | None,
) -> dict[str, Any]:
    """Of type 2, or of type 0 on a legacy network; `data` as bytes or as 0x-hex."""
    fields = {
        "from": sender,
        "to": to,
        "input": data if isinstance(data, str) else "0x" + data.hex(),
        "value": hex(value),
        "gas": hex(gas),
    }
    if market is FeeMarket.LEGACY:
        fields["gasPrice"] = hex(fees.max_fee)
    else:
        fields |= {"maxFeePerGas": hex(fees.max_fee), "maxPriorityFeePerGas": hex(fees.priority_fee)}
    if nonce is not None:
        fields["nonce"] = hex(nonce)
    return fields


@lru_cache(maxsize=8)  # all candidates of a block run in one
def block_overrides(env: SimEnv) -> Json:
    return {
        "number": hex(env.number),
        "time": hex(env.timestamp),
        "gasLimit": hex(env.gas_limit),
        "feeRecipient": env.coinbase,
        "baseFeePerGas": hex(env.base_fee),
        "prevRandao": env.prev_randao,
    }


def executed(call: Json) -> ExecutedCall:
    """One item of a simulated block's `calls`. Raises RpcError and what Python raises for what is no such item.

    Revert data stands in `returnData` (Anvil) or in the error's `data` (geth and the others); what failed logs nothing.
    """
    gas_used, returned = quantity(call["gasUsed"], 63), bytes.fromhex((call.get("returnData") or "0x")[2:])
    if quantity(call["status"]) == 1:
        return ExecutedCall(True, gas_used, tuple(map(parse_log, call["logs"])), returned, "")
    error = call.get("error") or {}
    returned = returned or bytes.fromhex((error.get("data") or "0x")[2:])
    return ExecutedCall(False, gas_used, (), returned, str(error.get("message") or "reverted"))


def why_elsewhere(block: Json, env: SimEnv) -> str | None:
    """What shows that the simulated block is not the one that was asked for; None where it is. Raises as `executed`.

    Anvil 1.7.1 gives zeros for the parent and for prevRandao, which tells neither way: there the request is bound by
    the hash that it names alone.
    """
    asked = block_overrides(env)
    for name, override in _ECHOED.items():
        if block[name].lower() != asked[override].lower():
            return f"its {name} is {block[name]}, not {asked[override]}"
    for name, wanted in (("parentHash", env.parent_hash), ("mixHash", env.prev_randao)):
        if block[name].lower() != wanted.lower() and int(block[name], 16) != 0:
            return f"its {name} is {block[name]}, not {wanted}"
    return None


def parse_log(log: Json) -> Log:
    topics: list[HexHash] = log["topics"]
    "".join(topics)  # raises TypeError where one is no text
    return Log(_checksummed(log["address"]), tuple(topics), bytes.fromhex(log["data"][2:]))


@lru_cache(maxsize=4096)
def _checksummed(address: str) -> Address:
    return to_checksum_address(address)
