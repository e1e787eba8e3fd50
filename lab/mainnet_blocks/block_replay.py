"""Replay of a recorded block in one simulation request: every transaction follows its real predecessors.

The recorded state is the genesis of a new Anvil (`state_file`). A transaction that Anvil refuses is found by bisection
and set aside with the error message; the rest is simulated without it.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.mainnet_blocks.creation import CreatedContract, Creation, as_call, funds_read, settled
from lab.mainnet_blocks.real_block import RealBlock
from lab.mainnet_blocks.upstream import EmptyUpstream, Slot
from sentinel.chain.anvil import start_anvil
from sentinel.chain.rpc import Rpc
from sentinel.core.errors import RpcError
from sentinel.dex.simulating.simulate_v1 import ExecutedCall, Json, SimulatedBlock, executed, simulation_request

_TIMEOUT = 120.0  # seconds for one block
_BEACON_ROOTS = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02"  # EIP-4788
_PARENT_HASHES = "0x0000f90827f1c53a10cb7a02335b175320002935"  # EIP-2935
_RING = 8191  # entries of both contracts


@dataclass(slots=True)
class Replay:
    """`results[i]` belongs to transaction i. It is None if Anvil refused it; then `refused[i]` holds the message."""

    results: list[ExecutedCall | None]
    refused: dict[int, str] = field(default_factory=dict)
    slots: set[Slot] = field(default_factory=set)  # read, but not in the recorded state
    accounts: set[str] = field(default_factory=set)  # read, but not recorded; the record lists only existing accounts
    hashes: set[int] = field(default_factory=set)  # numbers of blocks with unknown hashes that were read


@contextlib.asynccontextmanager
async def state_file(block: RealBlock) -> AsyncIterator[Path]:
    """The recorded state as a genesis document for Anvil's --init."""
    with tempfile.TemporaryDirectory(prefix="sentinel-block-") as home:
        path = Path(home) / "genesis.json"
        alloc = {address: _account(block, account) for address, account in block.accounts.items()}
        document = {"config": {"chainId": 1}, "alloc": alloc, "difficulty": "0x0", "gasLimit": block.header["gasLimit"]}
        path.write_text(json.dumps(document))
        yield path


async def replay(block: RealBlock, genesis: Path, count: int, anvil: str | Path | None = None) -> Replay:
    """Replay the first `count` transactions on a new Anvil, because a used one has cached reads."""
    arguments = ["--fork-block-number", str(block.number - 1), "--hardfork", block.hardfork, "--chain-id", "1"]
    arguments += ["--init", str(genesis), "--accounts", "0", "--no-storage-caching", "--no-rate-limit"]
    async with EmptyUpstream(block) as upstream:
        arguments += ["--fork-url", upstream.url, "--no-request-size-limit", "--retries", "0"]
        child, url = await start_anvil(program=anvil, arguments=arguments)
        try:
            async with Rpc(url, timeout=_TIMEOUT) as rpc:
                upstream.accounts.clear()  # accounts that Anvil itself reads at its start
                result = await _simulate(rpc, block, count)
        finally:
            await child.stop()
    result.slots, result.accounts, result.hashes = upstream.slots, upstream.accounts, upstream.hashes
    return result


async def _simulate(rpc: Rpc, block: RealBlock, count: int) -> Replay:
    places = list(range(count))
    refused: dict[int, str] = {}
    made: dict[int, CreatedContract] = {}
    while True:
        reply = await _ask(rpc, block, places, made)
        if isinstance(reply, RpcError):
            bad = await _culprit(rpc, block, places, made)
            refused[places[bad]] = str(reply).removeprefix("eth_simulateV1: ")
            del places[bad]
            continue
        results: list[ExecutedCall | None] = [None] * count
        calls = [call for part in reply for call in part["calls"]]
        new_creation = None
        for place in places:
            call_result = executed(calls.pop(0))
            tx = block.transactions[place]
            if tx.get("to") is not None:
                results[place] = call_result
                continue
            funds = [int.from_bytes(executed(calls.pop(0)).returned) for _ in range(2)]
            if place in made:
                results[place] = made[place].result
            elif new_creation is None:
                new_creation = settled(Creation.of(block, tx), call_result, funds)
                made[place] = new_creation
                results[place] = new_creation.result
        if new_creation is None:
            return Replay(results, refused)


async def _ask(
    rpc: Rpc, block: RealBlock, places: Sequence[int], made: Mapping[int, CreatedContract]
) -> Any | RpcError:
    method, params = simulation_request(_segments(block, places, made))
    try:
        return await rpc.call(method, *params)
    except RpcError as error:
        if error.code is None:
            raise
        return error


async def _culprit(rpc: Rpc, block: RealBlock, places: Sequence[int], made: Mapping[int, CreatedContract]) -> int:
    """Index in `places` of the first refused transaction, found by bisection."""
    good, bad = 0, len(places)  # the first `good` pass, the first `bad` do not
    while bad - good > 1:
        middle = (good + bad) // 2
        if isinstance(await _ask(rpc, block, places[:middle], made), RpcError):
            bad = middle
        else:
            good = middle
    return bad - 1


def _segments(block: RealBlock, places: Sequence[int], made: Mapping[int, CreatedContract]) -> list[SimulatedBlock]:
    """The block in segments. A creation has its own one, because Anvil's eth_simulateV1 needs a `to` in all calls."""
    overrides = _block(block)
    state: Json = _system_calls(block)
    segments: list[SimulatedBlock] = []
    calls: list[Json] = []
    for place in places:
        tx = block.transactions[place]
        if tx.get("to") is not None:
            calls.append(_call(tx))
            continue
        segments.append(SimulatedBlock(overrides, calls, state))
        creation = Creation.of(block, tx)
        reads = [funds_read(creation.sender, block), funds_read(block.header["miner"], block)]
        segments.append(SimulatedBlock(overrides, [as_call(creation, _call(tx)), *reads], creation.state()))
        calls, state = [], made[place].state if place in made else {}
    return [*segments, SimulatedBlock(overrides, calls, state)]


def _call(tx: Mapping[str, Any]) -> dict[str, Any]:
    """A block's transaction as a call: the fields that define its effects and its fees."""
    names = ["from", "to", "input", "value", "gas", "nonce", "accessList", "maxFeePerBlobGas", "blobVersionedHashes"]
    legacy = tx.get("type", "0x0") in ("0x0", "0x1")
    names += ["gasPrice"] if legacy else ["maxFeePerGas", "maxPriorityFeePerGas", "authorizationList"]
    call = {name: tx[name] for name in names if tx.get(name)}
    return call | {"type": tx.get("type", "0x0"), "input": tx["input"]}


def _block(block: RealBlock) -> dict[str, Any]:
    header = block.header
    fields = {
        "number": header["number"],
        "time": header["timestamp"],
        "gasLimit": header["gasLimit"],
        "feeRecipient": header["miner"],
        "baseFeePerGas": header.get("baseFeePerGas", "0x0"),
        "prevRandao": header["mixHash"],
        "difficulty": header.get("difficulty", "0x0"),
        "blockHash": {**block.shelf.hashes, str(block.number - 1): header["parentHash"]},
    }
    return fields


def _system_calls(block: RealBlock) -> dict[str, Any]:
    """State that the protocol writes before the first transaction."""
    writes = {}
    if (root := block.header.get("parentBeaconBlockRoot")) and _BEACON_ROOTS in block.accounts:
        entry = block.timestamp % _RING
        writes[_BEACON_ROOTS] = {"stateDiff": {_word(entry): _word(block.timestamp), _word(entry + _RING): root}}
    if block.hardfork in ("prague", "osaka") and _PARENT_HASHES in block.accounts:
        slot = _word((block.number - 1) % _RING)
        writes[_PARENT_HASHES] = {"stateDiff": {slot: block.header["parentHash"]}}
    return writes


def _account(block: RealBlock, account: Mapping[str, Any]) -> dict[str, Any]:
    nonce = account.get("nonce", 0)
    fields = {
        "balance": account.get("balance", "0x0"),
        "nonce": hex(nonce) if isinstance(nonce, int) else nonce,
        "storage": {_word(int(slot, 16)): _word(int(value, 16)) for slot, value in account.get("storage", {}).items()},
    }
    return fields | ({"code": block.shelf.codes[account["code_hash"]]} if account.get("code_hash") else {})


def _word(value: int) -> str:
    return f"0x{value:064x}"
