"""Trades on chains of other kinds: of legacy transactions, and on a rollup that charges for data.

The rollup is Anvil's own OP stack, which really charges; the oracle is the published GasPriceOracle.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import Call, Rpc
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core import gas
from sentinel.core.actions import Swap
from sentinel.core.decision import Act
from sentinel.core.errors import RpcError
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import NATIVE
from sentinel.core.simulation import Simulation, TxRequest, Where
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent, Outcome, Settled
from sentinel.core.valuation import reference_prices, value
from sentinel.decide.policy import Policy
from sentinel.dex.quoting.costs import TRADE_GAS, TRADE_SIZE
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.simulating.batch_engine import L1_BLOCK
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.simulating.simulator import Batch
from sentinel.dex.simulating.trial import Trial, why_invalid
from sentinel.dex.toolkit import DexToolkit
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.fee_bids import FeeCaps
from sentinel.execute.send_state import SendRules
from sentinel.execute.sender import LiveExecutor
from sentinel.journal.journal import Journal
from sentinel.signing.process.local_signer import DevSigner
from sentinel.signing.signer_limits import SignerLimits
from tests.chains import L1_BASE_FEE, put, rollup, type_zero
from tests.dex.conftest import Desk, candidates, desk_on

NOTHING = Spent(0, 0)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with rollup() as net, desk_on(net) as opened:
        yield opened


class WithReceipts(Rpc):
    """The node, whose receipts say what the chain took for data as an OP-stack node's do: Anvil's leave it out."""

    taken = 0

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
        replies = await super().batch(calls, timeout)
        for (method, _), reply in zip(calls, replies, strict=True):
            if method == "eth_getTransactionReceipt" and isinstance(reply, dict):
                reply["l1Fee"] = hex(self.taken)
        return replies


async def coin(desk: Desk) -> int:
    return int(await desk.net.rpc.call("eth_getBalance", desk.account.address, "latest"), 16)


async def traded(desk: Desk, folder: Path, action: Swap, state: MarketState) -> tuple[Act, Settled, int, int]:
    """Screen, check, sign and mine one trade: the decision, how it ended, what the chain took for data, the result."""
    bounds = Limits.of(load(env_file=None).limits, desk.network)
    policy = Policy(desk.network, bounds)
    tried = await desk.kit.simulate_all(state, candidates(action))
    ballots, refusals = policy.screen(tried, state, NOTHING)
    assert refusals == ()
    decision = Act(ballots[0], 5, 8, 5, 0)
    (folder / "key").write_text("0x" + bytes(desk.account.key).hex())
    signer = DevSigner.load(folder / "key", SignerLimits.of(desk.network, bounds, {"USDC": 10**10, "WETH": 10**18}))
    block = await desk.net.rpc.call("eth_getBlockByNumber", "0x0", False)
    journal = Journal.open(folder / "journal.sqlite", desk.network, block["hash"], desk.account.address)
    rules = SendRules(1, 3, 60.0, FeeCaps.of(bounds, desk.network))
    rpc = desk.net.rpc
    executor = LiveExecutor(
        rpc, Broadcaster(rpc), journal, signer, desk.network, block["hash"], desk.kit.finalise, rules
    )
    intent = await executor.prepare(decision, state)
    confirmed = await desk.kit.confirm(intent, state.head, state)
    verdicts = policy.check(confirmed, decision, state, state.head, NOTHING, state.head.timestamp)
    assert [verdict for verdict in verdicts if not verdict.ok] == []
    journal.accept(None, intent)
    before = await coin(desk)
    await executor.execute(intent)
    await desk.net.rpc.call("evm_setNextBlockTimestamp", hex(confirmed[0].env.timestamp))
    await desk.net.rpc.call("evm_mine")
    (attempt,) = journal.attempts(intent.id)
    receipt = await desk.net.rpc.call("eth_getTransactionReceipt", attempt.tx_hash)
    taken = before - await coin(desk) - int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    async with WithReceipts(desk.net.rpc_url) as node:
        node.taken, executor.watch._rpc = taken, node
        settled = await executor.on_head(await latest_head(rpc))
    assert settled is not None
    assert settled.outcome is Outcome.CONFIRMED
    assert settled.tx_hash == attempt.tx_hash
    journal.close()
    assert confirmed[0].gas_used == int(receipt["gasUsed"], 16)
    return decision, settled, taken, before - await coin(desk)


async def test_a_legacy_trade_is_mined_as_it_was_simulated(tmp_path: Path) -> None:
    """Type 0 through the real router, in blocks with a base fee: effect to the unit, the offered gas price, no more."""
    async with type_zero() as net, desk_on(net) as desk:
        state = await desk.state()
        decision, settled, taken, paid = await traded(
            desk, tmp_path, desk.build.swap(state, "USDC", "WETH", 500, "v3-500"), state
        )
        assert settled.realised == decision.simulation.deltas
        assert (taken, decision.simulation.data_fee) == (0, 0)
        assert settled.gas_cost == paid == settled.gas_used * state.priority_fee
        tx = await net.rpc.call("eth_getTransactionByHash", settled.tx_hash)
        assert (tx["type"], int(tx["gasPrice"], 16)) == ("0x0", state.priority_fee)


@pytest.mark.parametrize("venues", ["v2", ["v3-500", "v2"]], ids=["one pool", "two pools"])
async def test_what_the_chain_takes_is_within_the_bound(desk: Desk, tmp_path: Path, venues: object) -> None:
    """Of a signed trade with its permit: no more than was counted, a fourth at least, and no change of the trade's."""
    state = await desk.state()
    assert state.data_fee is not None
    assert state.data_fee.fixed == state.data_fee.per_gas == 0
    action = desk.build.swap(state, "USDC", "WETH", 500, venues)
    decision, settled, taken, paid = await traded(desk, tmp_path, action, state)
    counted = decision.simulation.data_fee
    assert 0 < taken <= counted <= 4 * taken
    assert settled.gas_cost == paid
    assert NATIVE not in settled.realised
    assert settled.realised == decision.simulation.deltas


async def test_the_node_that_stands_in_says_the_same(desk: Desk) -> None:
    """The chain's own node would charge inside a simulation too; it is made not to, so that the effects are equal."""
    state = await desk.state()
    actions = [desk.build.swap(state, "USDC", "WETH", amount, "v2") for amount in (100, 200)]
    actions.append(desk.build.route(state, ["WETH", "ETH"], 0.2, ["unwrap"]))
    fork = await desk.kit.simulate_all(state, candidates(*actions))
    node = DexToolkit(desk.network, None, node=NodeSimulation(desk.network, desk.net.rpc))
    stood_in = await node.simulate_all(state, candidates(*actions))
    assert [one.where for one in stood_in] == ["node"] * 3
    assert [replace(one, where=Where.FORK) for one in stood_in] == list(fork)
    assert all(one.revert is None and one.data_fee > 0 for one in fork)


async def test_the_data_fee_that_a_node_takes_in_the_later_block_is_no_effect(desk: Desk) -> None:
    """There the rollup's prices are as on the chain, and this node charges by them: both places confirm the same."""
    state = await desk.state()
    (one,) = await desk.kit.simulate_all(state, candidates(desk.build.swap(state, "USDC", "WETH", 500, "v2")))
    tx = await desk.kit.finalise(one, state, desk)
    intent = Intent("ab" * 16, Act(one, 5, 8, 5, 0), tx, True, one.env, state.head.timestamp + 120, 0)
    node = DexToolkit(desk.network, None, node=NodeSimulation(desk.network, desk.net.rpc))
    taken = 0
    run = node.simulator.run_final

    async def counting(head: Head, batch: Batch) -> list[Simulation]:
        nonlocal taken
        simulations = await run(head, batch)
        taken = -simulations[-1].deltas.get(NATIVE, 0)
        return simulations

    node.simulator.run_final = counting  # type: ignore[method-assign]
    on_node = await node.confirm(intent, state.head, state)
    assert 0 < taken <= one.data_fee
    on_fork = await desk.kit.confirm(intent, state.head, state)
    assert [dict(each.deltas) for each in on_node] == [dict(each.deltas) for each in on_fork] == [one.deltas] * 3


async def test_every_cost_counts_it(desk: Desk) -> None:
    """The agent's tool, a cycle's least output, policy's loss, cost cap and reserve: each grows by the data fee."""
    await put(desk.net.rpc, L1_BLOCK, 1, 2_000 * L1_BASE_FEE)  # dear: some USDC
    state = await desk.state()
    free, quoter = replace(state, data_fee=None), DexQuoter(desk.network)
    fee = gas.data_fee(state.data_fee, TRADE_SIZE, TRADE_GAS)
    in_quote = value({NATIVE: fee}, reference_prices(state), desk.network) / 10**6
    assert in_quote > 1
    assert quoter.gas_cost(state) - quoter.gas_cost(free) == pytest.approx(in_quote, rel=1e-5)

    action = desk.build.swap(state, "USDC", "WETH", 500, "v2")
    (one,) = await desk.kit.simulate_all(state, candidates(action))
    policy = Policy(desk.network, Limits.of(load(env_file=None).limits, desk.network))
    loss = _detail(policy, one, state, "daily_loss", daily_loss=0)
    assert loss - _detail(policy, replace(one, data_fee=0), free, "daily_loss", daily_loss=0) == pytest.approx(
        value({NATIVE: one.data_fee}, reference_prices(state), desk.network) / 10**6, abs=0.01
    )
    assert one.tx is not None
    most = one.tx.gas_limit * one.env.max_fee + one.data_fee
    left = state.balances[NATIVE] - most
    for name, bound in (("max_cost", most), ("gas_reserve", left)):
        assert _refusals(policy, one, state, **{name: bound}) == []
        assert _refusals(policy, one, state, **{name: bound + (1 if name == "gas_reserve" else -1)}) == [name]


async def test_funds_must_cover_it(desk: Desk) -> None:
    """A wallet that can pay for value and gas, but not for the data, cannot send: it is a revert."""
    state = await desk.state()
    assert state.data_fee is not None
    spare = 200_000 * gas.offered(desk.network, state.head, state.priority_fee).max_fee
    value = state.balances[NATIVE] - spare
    swap = desk.swap("wrap", token_in=NATIVE, amount=value, min_out=value, deadline=2**40)
    dear = replace(state, data_fee=replace(state.data_fee, least=spare))
    for one, fails in ((state, False), (dear, True)):
        (simulation,) = await desk.kit.simulate_all(one, candidates(swap))
        assert (simulation.revert is not None) is fails, simulation.revert
    tx = TxRequest(desk.network.universal_router, b"", value, 100_000)
    trial = Trial(candidates(swap)[0], tx, simulation.env, None)
    assert why_invalid(trial, state.balances[NATIVE]) is None
    assert why_invalid(replace(trial, data_fee=spare), state.balances[NATIVE]) == "insufficient funds for gas"


def _refusals(policy: Policy, one: Simulation, state: MarketState, **bounds: Any) -> list[str]:
    changed = Policy(policy.network, replace(policy.limits, **bounds))
    return [refusal.rule for refusal in changed.screen([one], state, NOTHING)[1]]


def _detail(policy: Policy, one: Simulation, state: MarketState, rule: str, **bounds: Any) -> float:
    """The amount that a refusal by `rule` names first, whole quote tokens."""
    changed = Policy(policy.network, replace(policy.limits, **bounds))
    ((refusal,)) = changed.screen([one], state, NOTHING)[1]
    assert refusal.rule == rule
    return float(refusal.detail.split()[0].replace(",", ""))
