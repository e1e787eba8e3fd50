"""The chain's own node asked directly: the same answers as the fork's, for this very head, or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from lab.bench.candidates import random_candidates
from lab.bench.mined_effects import effect
from sentinel.chain.rpc import Rpc
from sentinel.core.actions import Swap
from sentinel.core.decision import Act
from sentinel.core.errors import ForkUnavailable
from sentinel.core.network import HexHash
from sentinel.core.transaction import Intent
from sentinel.dex.simulating.node import NodeSimulation

from .conftest import Desk, candidates
from .nodes import Call, Disguise, Reply, alone, as_geth, effects, refusing, some, where

KEY = "0123456789abcdef-key"


@pytest.fixture
async def disguise(desk: Desk) -> AsyncIterator[Disguise]:
    async with Disguise(desk.net.rpc_url).running() as node:
        yield node


async def test_fork_and_node_agree_on_300_random_candidates(desk: Desk) -> None:
    """Over all venues, reverts included, at the newest head and at the one before: every effect is the same."""
    async with alone(desk, desk.net.rpc_url) as direct:
        for seed in range(3):
            state = await desk.state()
            tried = random_candidates(desk.network, state, 100, seed)
            forked = await desk.kit.simulate_all(state, tried)
            await desk.net.market.step()
            straight = await direct.simulate_all(state, tried)
            assert effects(straight) == effects(forked)
            assert (where(forked), where(straight)) == ({"fork"}, {"node"})
            legs = {leg.venue for one in tried if isinstance(one.action, Swap) for leg in one.action.routes[0].legs}
            assert {"uniswap_v2", "uniswap_v3", "uniswap_v4"} <= legs
            assert 10 < sum(simulation.revert is not None for simulation in straight) < 90


async def test_the_form_of_other_nodes_is_read_as_anvils(desk: Desk, disguise: Disguise) -> None:
    """Revert reasons too, though geth and the others put revert data elsewhere."""
    disguise.twist = as_geth
    state = await desk.state()
    tried = random_candidates(desk.network, state, 64, 5)
    forked = await desk.kit.simulate_all(state, tried)
    async with alone(desk, disguise.url) as direct:
        assert effects(await direct.simulate_all(state, tried)) == effects(forked)
    assert len({simulation.revert for simulation in forked}) >= 4


async def test_final_bytes_are_confirmed_on_the_node_as_on_the_fork(desk: Desk) -> None:
    """In all block environments, with the balances read inside."""
    state = await desk.state()
    swap = desk.build.swap(state, "WETH", "USDC", 0.3, "v3-500")
    (simulation,) = await desk.kit.simulate_all(state, candidates(swap))
    tx = await desk.kit.finalise(simulation, state, desk)
    intent = Intent("ab" * 16, Act(simulation, 5, 8, 3, 0), tx, True, simulation.env, swap.deadline, 0)
    forked = await desk.kit.confirm(intent, state.head, state)
    async with alone(desk, desk.net.rpc_url) as direct:
        straight = await direct.confirm(intent, state.head, state)
    assert effects(straight) == effects(forked)
    assert all(one.revert is None for one in straight)
    assert where(straight) == {"node"}


async def test_requests_keep_the_rules_that_stricter_nodes_have(desk: Desk, disguise: Disguise) -> None:
    """What geth checks with validation on and Anvil does not: order of blocks, nonces, fee caps, gas of the block."""
    state = await desk.state()
    async with alone(desk, disguise.url) as direct:
        await direct.simulate_all(state, random_candidates(desk.network, state, 64, 5))
    assert len(disguise.calls) > 40
    readers = set()
    for call in disguise.calls[2:]:  # the first two are the probe's
        payload, block = call["params"]
        assert payload["validation"] is True
        assert block == {"blockHash": state.head.hash, "requireCanonical": True}
        (one,) = payload["blockStateCalls"]
        header, calls = one["blockOverrides"], one["calls"]
        assert int(header["number"], 16) == state.head.number + 1
        assert int(header["time"], 16) > state.head.timestamp
        assert sum(int(tx["gas"], 16) for tx in calls) <= int(header["gasLimit"], 16)
        for tx in calls:
            base, cap, tip = (
                int(x, 16) for x in (header["baseFeePerGas"], tx["maxFeePerGas"], tx["maxPriorityFeePerGas"])
            )
            assert tip <= cap
            assert base <= cap
            cost = int(tx["gas"], 16) * cap + int(tx["value"], 16)
            if tx["from"] != desk.account.address:
                readers.add(tx["from"])
                assert "nonce" not in tx  # each node fills it in from the state
                assert cost <= int(one["stateOverrides"][tx["from"]]["balance"], 16)
            else:
                assert int(tx["nonce"], 16) == state.nonce
                assert cost <= state.balances["ETH"]
    assert len(readers) == 1


async def test_support_is_asked_anew_after_a_failed_request(desk: Desk, disguise: Disguise) -> None:
    """Another node may stand behind the same address then: it is believed neither more nor less."""
    state = await desk.state()
    async with Rpc(disguise.url) as rpc:
        node = NodeSimulation(desk.network, rpc)
        assert node.able is None
        assert await node.cannot(state.head) is None
        disguise.twist = refusing
        assert await node.cannot(state.head) is None  # remembered
        disguise.down = True
        with pytest.raises(ForkUnavailable):
            async with node.at(state.head) as endpoint:
                await endpoint.batch([("eth_chainId", [])])
        disguise.down = False
        assert node.able is None
        assert await node.cannot(state.head) == "it has no eth_simulateV1"
        with pytest.raises(ForkUnavailable, match="no eth_simulateV1"):
            async with node.at(state.head):
                pass


async def test_a_limit_says_nothing_about_the_block_that_does_not_exist(desk: Desk, disguise: Disguise) -> None:
    """The node must refuse a block that does not exist; that a provider refuses the request is no such sign."""
    state = await desk.state()
    async with Rpc(disguise.url) as rpc:
        node = NodeSimulation(desk.network, rpc)
        disguise.twist = limiting
        with pytest.raises(ForkUnavailable, match="over rate limit"):
            await node.cannot(state.head)
        assert node.able is None


def limiting(call: Call, reply: Reply) -> Reply:
    """The second call of the question is over the limit."""
    if "5e5e5e" in str(call):
        return {"jsonrpc": "2.0", "id": reply["id"], "error": {"code": -32016, "message": "over rate limit"}}
    return reply


def told(**changes: Any) -> Callable[[Call, Reply], Reply]:
    """The header says otherwise."""

    def twist(call: Call, reply: Reply) -> Reply:
        for block in reply.get("result", ()):
            block |= changes
        return reply

    return twist


@pytest.mark.parametrize(
    "field", ["parentHash", "number", "timestamp", "baseFeePerGas", "gasLimit", "miner", "mixHash"]
)
async def test_an_answer_for_another_block_is_none(desk: Desk, disguise: Disguise, field: str) -> None:
    """Another parent, or another environment than the one that was asked for (I11, I15, I16)."""
    state = await desk.state()
    async with alone(desk, disguise.url) as direct:
        await direct.simulate_all(state, some(desk, state))
        size = {"parentHash": 64, "mixHash": 64, "miner": 40}.get(field, 4)
        disguise.twist = told(**{field: "0x" + "7e" * (size // 2)})
        with pytest.raises(ForkUnavailable, match=f"answered for another block: its {field} is 0x7e7e"):
            await direct.simulate_all(state, some(desk, state))


async def test_a_node_that_does_not_look_at_the_block_is_not_asked(desk: Desk, disguise: Disguise) -> None:
    """It answers for a block that nobody has: what it says of one that exists is worth nothing."""

    def anywhere(call: Call) -> Call:
        return {**call, "params": [call["params"][0], "latest"]}

    disguise.ask = anywhere
    state = await desk.state()
    async with alone(desk, disguise.url) as direct:
        with pytest.raises(ForkUnavailable, match="does not look at which block"):
            await direct.simulate_all(state, some(desk, state))


async def test_a_head_that_the_node_replaced_or_has_not_reached_is_none(desk: Desk) -> None:
    """By hash, the old branch is not found; nor is a head of which only a faster node knows."""
    async with alone(desk, desk.net.rpc_url) as direct:
        before = await desk.net.rpc.call("evm_snapshot")
        await desk.net.market.step()
        old = await desk.state()
        await direct.simulate_all(old, some(desk, old))
        await desk.net.rpc.call("evm_revert", before)
        await desk.net.market.resync()
        await desk.net.market.step()
        ahead = replace(old, head=replace(old.head, number=old.head.number + 9, hash=HexHash("0x" + "cd" * 32)))
        for state in (old, ahead):
            with pytest.raises(ForkUnavailable):
                await direct.simulate_all(state, some(desk, state))


def erring(code: int, message: str, position: int) -> Callable[[Call, Reply], Reply]:
    """The reply to one call of the batch is an error."""
    count = 0

    def twist(call: Call, reply: Reply) -> Reply:
        nonlocal count
        count += 1
        if count != position:
            return reply
        return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": code, "message": message}}

    return twist


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-38010, "nonce too low: next nonce 5, tx nonce 4"),
        (-38013, "intrinsic gas too low"),
        (-38014, "insufficient funds for gas * price + value"),
        (-32003, "Insufficient funds for gas * price + value"),
        (-32000, "intrinsic gas too high -- CallGasCostMoreThanGasLimit"),
    ],
)
async def test_an_invalid_transaction_is_a_revert_of_its_own(
    desk: Desk, disguise: Disguise, code: int, message: str
) -> None:
    """Its neighbour comes out as if alone."""
    state = await desk.state()
    async with alone(desk, disguise.url) as direct:
        whole = await direct.simulate_all(state, some(desk, state))
        disguise.twist = erring(code, message, 2)
        first, second = await direct.simulate_all(state, some(desk, state))
        assert effect(first) == effect(whole[0])
        assert second.revert == message[:48]
        assert not second.deltas


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32601, "the method eth_simulateV1 does not exist/is not available"),
        (-32000, "missing trie node"),
        (-32000, "header not found"),
        (-32002, "request timed out"),
        (-32005, "limit exceeded"),
        (-32602, "invalid argument 0"),
        (-32603, "internal error"),
        (-32003, "response too large"),
        (-32003, "over rate limit"),
        (-38020, "block numbers must be in order: 7 <= 7"),
        (-38026, "too many blocks"),
        (429, f"too many requests to https://node.example/v2/{KEY}"),
    ],
)
async def test_a_node_that_cannot_serve_is_no_revert(desk: Desk, disguise: Disguise, code: int, message: str) -> None:
    """Not even of one candidate: the votes of the others would count for more. No key is in what is said."""
    state = await desk.state()
    async with alone(desk, disguise.url) as direct:
        await direct.simulate_all(state, some(desk, state))
        disguise.twist = erring(code, message, 2)
        with pytest.raises(ForkUnavailable) as caught:
            await direct.simulate_all(state, some(desk, state))
        assert KEY not in str(caught.value)


async def test_a_slow_or_dead_node_ends_in_time_and_keeps_its_key(desk: Desk, disguise: Disguise) -> None:
    """Within the one bound, and its address is in no error."""
    state = await desk.state()
    async with alone(desk, f"{disguise.url}/{KEY}?x={KEY}", timeout=0.5) as direct:
        await direct.simulate_all(state, some(desk, state))
        disguise.delay = 30.0
        with pytest.raises(ForkUnavailable, match=r"did not answer within 0\.5 s") as caught:
            async with asyncio.timeout(10):
                await direct.simulate_all(state, some(desk, state))
        assert KEY not in str(caught.value)
        disguise.delay, disguise.down = 0.0, True
        with pytest.raises(ForkUnavailable) as caught:
            await direct.simulate_all(state, some(desk, state))
        assert KEY not in str(caught.value)


async def test_a_node_that_hides_the_parent_is_believed_on_the_development_chain_alone(desk: Desk) -> None:
    """Anvil shows zeros there. On any other chain a node that does not show its parent cannot stand in."""
    head = (await desk.state()).head
    async with Rpc(desk.net.rpc_url) as rpc:
        assert await NodeSimulation(desk.network, rpc).cannot(head) is None
        elsewhere = NodeSimulation(replace(desk.network, chain_id=1), rpc)
        assert await elsewhere.cannot(head) == "it does not show upon which block it simulated"
