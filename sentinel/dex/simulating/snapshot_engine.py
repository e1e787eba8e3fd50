"""The reference engine: each trial is sent and mined, then the fork is rolled back. Slow; tests compare with it.

It needs an Anvil fork that was started with FLAGS. Trials run one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel.chain.rpc import JsonRpc
from sentinel.core.amounts import printable
from sentinel.core.errors import ForkUnavailable, RpcError
from sentinel.core.network import Address, FeeMarket, Network, Symbol
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Fees
from sentinel.dex.simulating.reverts import revert_reason
from sentinel.dex.simulating.simulate_v1 import parse_log, transaction
from sentinel.dex.simulating.trial import (
    Balances,
    TransactionEffect,
    Trial,
    WalletReadings,
    failed,
    simulation_of,
    why_invalid,
)

FLAGS = ("--no-mining", "--prune-history", "16")  # the trace of a revert needs the state before it


async def simulate_by_mining(
    rpc: JsonRpc,
    network: Network,
    wallet: Address,
    trials: Sequence[Trial],
    before: Balances | None,
    funds: int,
) -> list[Simulation]:
    """As `batch_engine.simulate`, except that PREVRANDAO is Anvil's own and not the trial's."""
    try:
        await rpc.call("anvil_impersonateAccount", wallet)
        return [await _one(rpc, network, wallet, trial, before, funds) for trial in trials]
    except RpcError as error:
        raise ForkUnavailable(f"the fork did not answer: {error}") from error


async def _one(
    rpc: JsonRpc, network: Network, wallet: Address, trial: Trial, before: Balances | None, funds: int
) -> Simulation:
    if (reason := why_invalid(trial, funds)) is not None:
        return failed(trial, reason)
    if trial.earlier:
        return failed(trial, "this engine sends one transaction")
    readings = WalletReadings(network, wallet)
    snapshot = await rpc.call("evm_snapshot")
    try:
        if before is None:
            before, _ = await _read(rpc, network, readings, trial)
        await _prepare(rpc, network, wallet, trial)
        try:
            tx_hash = await rpc.call("eth_sendTransaction", _transaction(network.fees, wallet, trial))
        except RpcError as error:
            return failed(trial, printable(str(error).removeprefix("eth_sendTransaction: "), 48))
        await rpc.call("evm_mine")
        receipt = await rpc.call("eth_getTransactionReceipt", tx_hash)
        if receipt is None:
            return failed(trial, "not mined")
        balances, allowance = await _read(rpc, network, readings, trial)
        effect = TransactionEffect(
            gas_used=int(receipt["gasUsed"], 16),
            logs=tuple(parse_log(log) for log in receipt["logs"]),
            revert=None if int(receipt["status"], 16) == 1 else await _reason(rpc, tx_hash),
            balances=balances,
            router_allowance=allowance,
        )
        return simulation_of(trial, before, effect)
    finally:
        await rpc.call("evm_revert", snapshot)


async def _prepare(rpc: JsonRpc, network: Network, wallet: Address, trial: Trial) -> None:
    """Set the next block to the trial's environment, and write its grant into Permit2's storage."""
    env = trial.env
    if trial.skipped:
        await rpc.call("anvil_mine", hex(len(trial.skipped)), hex(1))
    if trial.proposer_balance:
        await rpc.call("anvil_setBalance", env.coinbase, hex(trial.proposer_balance))
    await rpc.call("anvil_setCoinbase", env.coinbase)
    await rpc.call("evm_setBlockGasLimit", hex(env.gas_limit))
    await rpc.call("anvil_setNextBlockBaseFeePerGas", hex(env.base_fee))
    await rpc.call("evm_setNextBlockTimestamp", hex(env.timestamp))
    if trial.grant is not None:
        await rpc.call("anvil_setStorageAt", network.permit2, *trial.grant.storage(network, wallet))


def _transaction(market: FeeMarket, wallet: Address, trial: Trial) -> dict[str, Any]:
    tx, env = trial.tx, trial.env
    offer = Fees(env.max_fee, env.priority_fee)
    return transaction(market, wallet, tx.to, tx.data, tx.value, tx.gas_limit, offer, env.nonce)


async def _read(
    rpc: JsonRpc, network: Network, readings: WalletReadings, trial: Trial
) -> tuple[dict[Symbol, int], int]:
    call = {"to": network.multicall3, "data": readings.calldata(trial)}
    return readings.decode(bytes.fromhex((await rpc.call("eth_call", call, "latest"))[2:]))


async def _reason(rpc: JsonRpc, tx_hash: str) -> str:
    trace = await rpc.call("debug_traceTransaction", tx_hash, {"tracer": "callTracer"})
    data = bytes.fromhex((trace.get("output") or "0x")[2:])
    return revert_reason(data) if data else printable(str(trace.get("error") or "reverted"), 48)
