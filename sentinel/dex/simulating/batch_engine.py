"""The batch engine: eth_simulateV1 requests for all trials in ONE JSON-RPC batch.

A request is one block with two transactions: the trial's, and a Multicall3 read from an address other than the wallet,
which would pay for it otherwise. If the balances before the trial are read too, that is a request of its own: a
balanceOf that writes storage would otherwise tell the trial that it is simulated. Requests do not see one another's
effects. Each names its head by hash, so the same requests work on the fork and on the chain's own node
(docs/adr/0010-the-node-stands-in.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_utils.address import to_checksum_address

from sentinel.chain import replies
from sentinel.chain.replies import Reply
from sentinel.chain.rpc import Call, JsonRpc, at_block, plain
from sentinel.core.amounts import printable
from sentinel.core.errors import ForkUnavailable, RpcError
from sentinel.core.network import Address, HexHash, Network
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Fees
from sentinel.core.units import COIN
from sentinel.dex.simulating.environment import drawn
from sentinel.dex.simulating.fork import without_addresses
from sentinel.dex.simulating.reverts import revert_reason
from sentinel.dex.simulating.simulate_v1 import (
    ExecutedCall,
    SimulatedBlock,
    block_hashes,
    block_overrides,
    executed,
    simulation_request,
    transaction,
    why_elsewhere,
)
from sentinel.dex.simulating.trial import (
    Balances,
    TransactionEffect,
    Trial,
    WalletReadings,
    failed,
    simulation_of,
    why_invalid,
)

_READ_GAS = 2_000_000
_REASON = 48  # characters

# The contract with an OP-stack chain's prices of data (L1 base fee, blob base fee, operator's fee). With these at zero
# the wallet pays only gas inside a simulation, on every node. The data fee is computed apart (`sentinel.core.gas`).
L1_BLOCK: Address = "0x4200000000000000000000000000000000000015"
_NO_DATA_FEE = {f"0x{slot:064x}": "0x" + "00" * 32 for slot in (1, 7, 8)}

# Codes by which a node rejects the transaction itself: those of eth_simulateV1, and Anvil's. Any other code is a fault
# of the node and of no candidate: an unknown block, missing state, an unknown method, a limit, a timeout.
_INVALID = frozenset({-38010, -38011, -38012, -38013, -38014, -38015, -38024, -38025, -32003})
_INTRINSIC_GAS = "intrinsic gas"  # in Anvil's message for too little of it, which has the generic server error code


@dataclass(frozen=True, slots=True)
class Reader:
    """The address that reads the balances at one head, and its wei beyond the gas. Nobody can know either before.

    It is the same for all batches of a head: a fork asks its upstream for each address that it has not seen.
    """

    address: Address
    balance: int

    @classmethod
    def of(cls, head_hash: HexHash) -> Reader:
        digest = drawn(head_hash, b"reader")
        return cls(to_checksum_address(digest[12:]), COIN + int.from_bytes(digest[:12]) % COIN)


async def simulate(
    rpc: JsonRpc,
    network: Network,
    wallet: Address,
    trials: Sequence[Trial],
    before: Balances | None,
    funds: int,
) -> list[Simulation]:
    """Simulate all trials. Returns one Simulation per trial, in order; an invalid transaction reverts only its own.

    `before`: the wallet's balances at the head; if None, each simulation reads them before its transaction. `funds`:
    the wallet's wei. Raises ForkUnavailable if the endpoint does not answer or fails a request by its own fault.
    """
    readings = WalletReadings(network, wallet)
    invalid = [why_invalid(trial, funds) for trial in trials]
    calls: list[Call] = []
    for trial, reason in zip(trials, invalid, strict=True):
        if reason is None:
            reading = readings.calldata(trial)
            if before is None:
                calls.append(request(network, wallet, trial, reading, read_only=True))
            calls.append(request(network, wallet, trial, reading))
    try:
        replies = iter(await rpc.batch(calls))
    except RpcError as error:
        raise ForkUnavailable(f"the simulation got no answer: {without_addresses(str(error))}") from error
    return [
        _simulation(readings, trial, before, replies) if reason is None else failed(trial, reason)
        for trial, reason in zip(trials, invalid, strict=True)
    ]


def request(network: Network, wallet: Address, trial: Trial, reading_data: str, *, read_only: bool = False) -> Call:
    """The JSON-RPC call of one trial. `reading_data`: calldata of the Multicall3 read, as 0x-hex.

    `read_only`: without the trial's own transaction, for the balances before it.
    """
    env, tx, reader = trial.env, trial.tx, Reader.of(trial.env.parent_hash)
    offer = Fees(env.max_fee, env.priority_fee)
    overrides: dict[str, Any] = {
        **trial.paper,
        reader.address: {"balance": hex(_READ_GAS * env.max_fee + reader.balance)},
    }
    if trial.proposer_balance:
        overrides[env.coinbase] = {"balance": hex(trial.proposer_balance)}
    if trial.grant is not None:
        slot, value = trial.grant.storage(network, wallet)
        overrides[network.permit2] = {"stateDiff": {slot: value}}
    if network.data_fee == "op-stack" and not trial.charged:
        overrides[L1_BLOCK] = {"stateDiff": _NO_DATA_FEE}
    reading = transaction(network.fees, reader.address, network.multicall3, reading_data, 0, _READ_GAS, offer, None)
    ours = transaction(network.fees, wallet, tx.to, tx.data, tx.value, tx.gas_limit, offer, env.nonce)
    sent: dict[int, list[dict[str, Any]]] = {}
    for one in trial.earlier:
        fields = (one.tx.to, one.tx.data, one.tx.value, one.tx.gas_limit)
        sent.setdefault(one.number, []).append(transaction(network.fees, wallet, *fields, offer, one.nonce))
    segments = [
        SimulatedBlock(block_overrides(skipped.env), sent.get(skipped.env.number, [])) for skipped in trial.skipped
    ]
    header = {**block_overrides(env), **block_hashes(trial.skipped)}
    last = [*sent.get(env.number, []), *([] if read_only else [ours]), reading]
    if segments:  # state overrides hold from the first block on
        segments[0] = replace(segments[0], state=overrides)
        segments.append(SimulatedBlock(header, last))
    else:
        segments.append(SimulatedBlock(header, last, overrides))
    return simulation_request(segments, at_block(env.parent_hash))


def _simulation(
    readings: WalletReadings, trial: Trial, before: Balances | None, replies: Iterator[Any | RpcError]
) -> Simulation:
    """`replies`: this trial's come next, the balances before it first if `before` is None."""
    before_reply = next(replies) if before is None else None
    reply = next(replies)
    if isinstance(reply, RpcError):
        message = without_addresses(str(reply).removeprefix("eth_simulateV1: "))
        if _judges(reply, message):
            return failed(trial, printable(message, _REASON) or "refused by the node")
        raise ForkUnavailable(f"eth_simulateV1 could not be served: {message}") from reply
    if isinstance(before_reply, RpcError):
        raise ForkUnavailable(f"the balances could not be read: {without_addresses(str(before_reply))}")
    try:
        if before is None:
            *_, last = _calls(before_reply, trial)
            before, _ = readings.decode(_returned(last))
        *earlier, ours, last = _calls(reply, trial)
        if not all(executed(one).ok for one in earlier):
            return failed(trial, "an earlier transaction reverted")
        after, allowance = readings.decode(_returned(last))
        call = executed(ours)
        effect = TransactionEffect(
            gas_used=call.gas_used,
            logs=call.logs,
            revert=None if call.ok else _revert(call),
            balances=after,
            router_allowance=allowance,
        )
        return simulation_of(trial, before, effect)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RpcError) as error:
        raise ForkUnavailable(f"the answer to eth_simulateV1 cannot be read: {error!r}") from error


def _calls(reply: Any, trial: Trial) -> Any:
    """All calls of the trial's blocks, in order. Raises ForkUnavailable for other blocks, else as `executed`."""
    envs = [*(skipped.env for skipped in trial.skipped), trial.env]
    below = trial.env.parent_hash
    for block, env in zip(reply, envs, strict=True):
        if (reason := why_elsewhere(block, replace(env, parent_hash=below))) is not None:
            raise ForkUnavailable(f"eth_simulateV1 answered for another block: {plain(reason)}")
        below = block.get("hash")
    return [call for block in reply for call in block["calls"]]


def _judges(error: RpcError, message: str) -> bool:
    """Whether the node rejects the transaction itself. The code alone does not say so: providers use it for limits."""
    refused = replies.classify(error) not in (Reply.JUDGEMENT, Reply.UNKNOWN)
    return not refused and (error.code in _INVALID or (error.code == -32000 and _INTRINSIC_GAS in message))


def _returned(call: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(call["returnData"][2:])


def _revert(call: ExecutedCall) -> str:
    return revert_reason(call.returned) if call.returned else printable(call.error, _REASON) or "reverted"
