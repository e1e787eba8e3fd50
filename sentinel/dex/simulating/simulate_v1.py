"""Requests and replies of eth_simulateV1, for candidates and for the replay of real blocks. Pure.

A request has one or more segments. Each is one block environment with its transactions, and sees the effects of the
segments before it. Requests do not see one another's effects.
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
from sentinel.dex.simulating.environment import SkippedBlock

Json = Mapping[str, Any]

# field of the reply's header -> block override that it must equal
_ECHOED = {
    "number": "number",
    "timestamp": "time",
    "gasLimit": "gasLimit",
    "miner": "feeRecipient",
    "baseFeePerGas": "baseFeePerGas",
}


@dataclass(frozen=True, slots=True)
class SimulatedBlock:
    """One segment. `block`: block overrides. `state`: state overrides, applied before the calls. All as JSON."""

    block: Json
    calls: Sequence[Json]
    state: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExecutedCall:
    """The result of one simulated transaction."""

    ok: bool
    gas_used: int  # net of refunds
    logs: tuple[Log, ...]
    returned: bytes  # return data, or revert data
    error: str  # the node's error message; empty if the call succeeded


def simulation_request(segments: Sequence[SimulatedBlock], upon: Json | str = "latest") -> Call:
    """The JSON-RPC call. With `validation`, BASEFEE, GASPRICE and the payment for gas are as on the chain.

    `upon`: the block parameter of the parent block, from `rpc.at_block`.
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
    """A transaction as JSON: type 2, or type 0 on a legacy network. `data`: bytes or 0x-hex; no `nonce`: left out."""
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


@lru_cache(maxsize=16)  # all candidates of a block share one environment; a confirmation has up to nine
def block_overrides(env: SimEnv) -> Json:
    return {
        "number": hex(env.number),
        "time": hex(env.timestamp),
        "gasLimit": hex(env.gas_limit),
        "feeRecipient": env.coinbase,
        "baseFeePerGas": hex(env.base_fee),
        "prevRandao": env.prev_randao,
    }


def block_hashes(skipped: Sequence[SkippedBlock]) -> Json:
    """The override by which BLOCKHASH answers for blocks that no chain has; empty without such blocks or hashes.

    Nodes that simulate these blocks have hashes of their own for them, and do not read this. Anvil would answer with
    the same constant for each.
    """
    hashes = {str(block.env.number): block.hash for block in skipped if block.hash is not None}
    return {"blockHash": hashes} if hashes else {}


def executed(call: Json) -> ExecutedCall:
    """Parse one item of a simulated block's `calls`.

    Revert data is in `returnData` (Anvil) or in the error's `data` (geth and others). A failed call has no logs. Raises
    RpcError, or KeyError, TypeError, ValueError and the like for malformed JSON.
    """
    gas_used, returned = quantity(call["gasUsed"], 63), bytes.fromhex((call.get("returnData") or "0x")[2:])
    if quantity(call["status"]) == 1:
        return ExecutedCall(True, gas_used, tuple(map(parse_log, call["logs"])), returned, "")
    error = call.get("error") or {}
    returned = returned or bytes.fromhex((error.get("data") or "0x")[2:])
    return ExecutedCall(False, gas_used, (), returned, str(error.get("message") or "reverted"))


def why_elsewhere(block: Json, env: SimEnv) -> str | None:
    """Why the simulated block is not the requested one; None if it is. Raises as `executed`.

    Anvil 1.7.1 returns zeros for the parent hash and prevRandao. They are accepted, because there only the block hash
    in the request binds it to its parent.
    """
    requested = block_overrides(env)
    for name, override in _ECHOED.items():
        if block[name].lower() != requested[override].lower():
            return f"its {name} is {block[name]}, not {requested[override]}"
    for name, expected in (("parentHash", env.parent_hash), ("mixHash", env.prev_randao)):
        if block[name].lower() != expected.lower() and int(block[name], 16) != 0:
            return f"its {name} is {block[name]}, not {expected}"
    return None


def parse_log(log: Json) -> Log:
    topics: list[HexHash] = log["topics"]
    "".join(topics)  # raises TypeError if a topic is not text
    return Log(_checksummed(log["address"]), tuple(topics), bytes.fromhex(log["data"][2:]))


@lru_cache(maxsize=4096)
def _checksummed(address: str) -> Address:
    return to_checksum_address(address)
