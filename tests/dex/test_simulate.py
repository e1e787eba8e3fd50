"""The batch engine: one request, nothing spoils anything else, and the same answers as the chain itself."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode

from lab.bench.mined_effects import broadcast, effect
from sentinel.chain.socket_rpc import SocketRpc
from sentinel.core.actions import Action, Approve, HoldAction
from sentinel.core.market_state import MarketState
from sentinel.dex.quoting.quotes import quote_swap
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.reverts import revert_reason
from sentinel.dex.simulating.snapshot_engine import FLAGS, simulate_by_mining
from sentinel.dex.simulating.trial import intrinsic_gas
from sentinel.dex.toolkit import DexToolkit

from .conftest import Desk, candidates

AMOUNTS = {"WETH": 10**18, "USDC": 2_000 * 10**6, "WBTC": 5 * 10**6}
CYCLES = (
    ("USDC", "WETH/USDC-v2", "WETH/USDC-v3-500"),
    ("USDC", "WETH/USDC-v3-500", "WETH/USDC-v2"),
    ("USDC", "WETH/USDC-v3-3000", "WETH/USDC-v3-500"),
    ("WETH", "WETH/USDC-v2", "WETH/USDC-v3-3000"),
    ("USDC", "WETH/USDC-v2", "WBTC/WETH-v3-3000", "WBTC/USDC-v3-3000"),
)


def some_actions(desk: Desk, state: MarketState, count: int, seed: int) -> list[Action]:
    """All venues, both directions, cycles, approvals; about a third of them must revert."""
    rng = random.Random(seed)
    actions: list[Action] = []
    for pool in desk.network.pools.values():
        actions += [
            desk.swap(pool.name, token_in=token, amount=AMOUNTS[token] // 3, deadline=state.head.timestamp + 60)
            for token in (pool.token0, pool.token1)
        ]
    while len(actions) < count:
        kind = rng.random()
        deadline = state.head.timestamp + (60 if rng.random() > 0.1 else -5)
        if kind < 0.05:
            actions.append(Approve("USDC", "permit2", rng.randrange(10**12), deadline))
            continue
        if kind < 0.4:
            token, *pools = rng.choice(CYCLES)
        else:
            pool = rng.choice([*desk.network.pools.values()])
            token, pools = rng.choice((pool.token0, pool.token1)), [pool.name]
        amount = int(AMOUNTS[token] * 10 ** rng.uniform(-6, 2))  # the largest are more than the wallet holds
        if len(pools) > 1:  # of a circle that the wallet cannot pay there is no receipt check to write
            amount = min(amount, state.balances[token])
        least = rng.choice((1, 1, 1, amount * 10**13))
        actions.append(desk.swap(*pools, token_in=token, amount=amount, min_out=least, deadline=deadline))
    return actions


async def test_batch_reference_engine_and_chain_agree_on_64_candidates(desk: Desk) -> None:
    """Status, revert reason, gas, balance changes and logs are identical for every one of them."""
    state = await desk.state()
    tried = candidates(*some_actions(desk, state, 64, seed=5))
    batch = await desk.kit.simulate_all(state, tried)
    async with Fork(desk.network, desk.net.rpc_url, flags=FLAGS, timeout=60) as slow:
        mined = await DexToolkit(desk.network, slow, simulate_by_mining).simulate_all(state, tried)
    real = [await broadcast(desk, simulation) for simulation in batch]
    assert not any(did is simulation for did, simulation in zip(real, batch, strict=True))  # each was mined
    assert [effect(simulation) for simulation in batch] == [effect(simulation) for simulation in mined]
    assert [effect(simulation) for simulation in batch] == [effect(simulation) for simulation in real]
    reverted = [simulation for simulation in batch if simulation.revert]
    assert 10 <= len(reverted) <= 40
    assert len({simulation.revert for simulation in reverted}) >= 4
    assert all(simulation.router_allowance == 0 for simulation in batch if simulation.revert is None)


async def test_deltas_follow_the_market_from_block_to_block(desk: Desk) -> None:
    """After the fork moved on, nothing of the block before is left in it: the exact quote is what comes out."""
    seen = set()
    for _ in range(4):
        await desk.net.market.step()
        state = await desk.state()
        swap = desk.build.swap(state, "WETH", "USDC", 0.5, "v3-500")
        (simulation,) = await desk.kit.simulate_all(state, candidates(swap))
        assert simulation.revert is None
        quoted = quote_swap(desk.network, state.pools, swap)
        assert simulation.deltas == {"WETH": -5 * 10**17, "USDC": quoted}
        seen.add(quoted)
    assert len(seen) == 4


async def test_all_candidates_go_out_in_one_request(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: one request to the fork, one eth_simulateV1 a candidate, none for a hold."""
    bodies: list[Any] = []
    exchange = SocketRpc._exchange

    async def counted(self: SocketRpc, body: object, timeout: float | None) -> Any:
        bodies.append(body)
        return await exchange(self, body, timeout)

    state = await desk.state()
    await desk.fork.follow(state.head)
    monkeypatch.setattr(SocketRpc, "_exchange", counted)
    tried = candidates(HoldAction("wait"), *some_actions(desk, state, 16, seed=1))
    simulations = await desk.kit.simulate_all(state, tried)
    assert len(simulations) == 17
    (body,) = bodies
    assert [call["method"] for call in body] == ["eth_simulateV1"] * 16


async def test_a_hold_needs_no_fork(desk: Desk) -> None:
    """It is a simulation without a transaction and without an effect."""
    state = await desk.state()
    await desk.fork.close()
    (hold,) = await desk.kit.simulate_all(state, candidates(HoldAction("wait")))
    assert (hold.tx, dict(hold.deltas), hold.gross, hold.revert) == (None, {}, 0, None)
    assert await desk.kit.simulate_all(state, ()) == ()


async def test_one_bad_candidate_never_spoils_the_others(desk: Desk) -> None:
    """What cannot be encoded, sent or paid for is a revert of its own; its neighbours come out as if alone."""
    state = await desk.state()
    good = desk.swap("WETH/USDC-v2", token_in="WETH", amount=10**17, deadline=state.head.timestamp + 60)
    unknown = replace(good, routes=(replace(good.routes[0], legs=(replace(good.routes[0].legs[0], pool="?"),)),))
    dear = replace(good, routes=(replace(good.routes[0], amount_in=10**30),))
    (alone,) = await desk.kit.simulate_all(state, candidates(good))
    first, *bad, last = await desk.kit.simulate_all(
        state, candidates(good, unknown, dear, Approve("DOGE", "permit2", 1, 0), good)
    )
    assert all(simulation.revert and not simulation.deltas for simulation in bad)
    assert effect(first) == effect(alone)
    assert effect(replace(last, candidate=alone.candidate)) == effect(alone)


async def test_a_wallet_that_cannot_pay_for_gas_reverts_by_itself(desk: Desk) -> None:
    """The pre-check says so; no request goes out that would fail."""
    state = await desk.state()
    poor = replace(state, balances={**state.balances, "ETH": 10**12})
    swap = desk.swap("WETH/USDC-v2", token_in="WETH", amount=10**17, deadline=state.head.timestamp + 60)
    (simulation,) = await desk.kit.simulate_all(poor, candidates(swap))
    assert simulation.revert is not None
    assert "gas" in simulation.revert


async def test_the_pre_check_is_no_stricter_than_the_chain(desk: Desk) -> None:
    """The intrinsic gas that it asks for is accepted by the fork, one unit less is not."""
    state = await desk.state()
    data = bytes(range(64)) + bytes(64)
    async with desk.fork.at(state.head) as rpc:
        for missing in (0, 1):
            tx = {"from": desk.account.address, "to": desk.account.address, "input": "0x" + data.hex()}
            tx |= {"gas": hex(intrinsic_gas(data) - missing), "maxFeePerGas": hex(10**11)}
            (reply,) = await rpc.batch([("eth_simulateV1", [{"blockStateCalls": [{"calls": [tx]}]}, "latest"])])
            assert isinstance(reply, Exception) == bool(missing)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "reverted"),
        (bytes.fromhex("08c379a0") + encode(["string"], ["STF"]), "STF"),
        (bytes.fromhex("08c379a0") + encode(["string"], ["\x1b[31m<|im_start|>\u202e" + "y" * 500]), None),
        (bytes.fromhex("08c379a0") + b"\xff" * 64, "error 0x08c379a0"),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]), "panic 0x11"),
        (bytes.fromhex("deadbeef"), "error 0xdeadbeef"),
        (b"\x01", "error 0x01"),
    ],
)
def test_a_revert_reason_is_short_and_printable(data: bytes, reason: str | None) -> None:
    """Whatever a contract put there."""
    found = revert_reason(data)
    assert reason is None or found == reason
    assert 0 < len(found) <= 48
    assert found.isascii()
    assert found.isprintable()


def test_the_router_wraps_what_its_command_said() -> None:
    """The inner reason comes out; nesting without end does not."""
    inner = bytes.fromhex("08c379a0") + encode(["string"], ["TRANSFER_FROM_FAILED"])
    data = inner
    for depth in range(4):
        assert (revert_reason(data) == "TRANSFER_FROM_FAILED") == (depth < 3)
        data = bytes.fromhex("2c4029e9") + encode(["uint256", "bytes"], [0, data])
