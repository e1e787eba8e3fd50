"""Real transactions: signed by the wallet, mined in the simulation's block environment, then undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.bench.bench_desk import BenchDesk
from sentinel.core.abi import encode
from sentinel.core.actions import Swap
from sentinel.core.network import NATIVE
from sentinel.core.simulation import Simulation
from sentinel.dex.building.permit2 import allowance_slot, pack_allowance
from sentinel.dex.simulating.simulate_v1 import parse_log
from sentinel.dex.simulating.trial import intrinsic_gas
from sentinel.dex.toolkit import SCREEN_GAS


async def broadcast(desk: BenchDesk, simulation: Simulation) -> Simulation:
    """The effects of the simulated transaction on the chain. The reason of a revert is the simulation's."""
    rpc, network, env, tx = desk.net.rpc, desk.net.network, simulation.env, simulation.tx
    if tx is None or not tx.to:
        return simulation
    before = await balances(desk)
    snapshot = await rpc.call("evm_snapshot")
    try:
        action = simulation.candidate.action
        if isinstance(action, Swap) and not action.value:
            token = network.tokens[action.token_in].address
            slot = allowance_slot(desk.account.address, token, network.universal_router)
            value = pack_allowance(action.amount_in, action.deadline, 0)
            await rpc.call("anvil_setStorageAt", network.permit2, slot, value)
        await rpc.call("anvil_setCoinbase", env.coinbase)
        await rpc.call("anvil_setNextBlockBaseFeePerGas", hex(env.base_fee))
        await rpc.call("evm_setNextBlockTimestamp", hex(env.timestamp))
        gas = min(SCREEN_GAS, (before[NATIVE] - tx.value) // env.max_fee)
        if gas < intrinsic_gas(tx.data):  # it spends the coin that must pay for its gas, so no node accepts it
            return simulation
        fields: dict[str, Any] = {
            "type": 2, "chainId": network.chain_id, "nonce": env.nonce, "to": tx.to, "data": tx.data, "value": tx.value,
            "gas": gas, "maxFeePerGas": env.max_fee, "maxPriorityFeePerGas": env.priority_fee,
        }  # fmt: skip
        raw = desk.account.sign_transaction(fields).raw_transaction
        tx_hash = await rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        await rpc.call("evm_mine")
        receipt = await rpc.call("eth_getTransactionReceipt", tx_hash)
        after = await balances(desk)
    finally:
        await rpc.call("evm_revert", snapshot)
    used = int(receipt["gasUsed"], 16)
    after[NATIVE] += used * int(receipt["effectiveGasPrice"], 16)
    return replace(
        simulation,
        deltas={symbol: after[symbol] - before[symbol] for symbol in after if after[symbol] != before[symbol]},
        gas_used=used,
        logs=tuple(parse_log(log) for log in receipt["logs"]),
        revert=None if int(receipt["status"], 16) == 1 else simulation.revert or "reverted on the chain",
    )


async def balances(desk: BenchDesk) -> dict[str, int]:
    """The wallet's balances: base units of every token, and wei."""
    rpc, wallet = desk.net.rpc, desk.account.address
    data = "0x70a08231" + encode(["address"], [wallet]).hex()
    result = {NATIVE: int(await rpc.call("eth_getBalance", wallet, "latest"), 16)}
    for symbol, token in desk.net.network.tokens.items():
        result[symbol] = int(await rpc.call("eth_call", {"to": token.address, "data": data}, "latest"), 16)
    return result


def effect(simulation: Simulation) -> tuple[object, ...]:
    """The parts of a simulation that must be the same in all engines."""
    s = simulation
    return (s.candidate.index, s.revert, s.gas_used, dict(s.deltas), s.logs, s.gross, s.router_allowance)
