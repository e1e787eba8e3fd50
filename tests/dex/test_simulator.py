"""The chain's own node stands in where the fork cannot serve a head: no cycle waits longer, and the fork comes back."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator

import pytest

from lab.bench.freshness import far_away
from sentinel.chain.anvil import start_anvil
from sentinel.chain.heads import latest_head
from sentinel.core.errors import ForkUnavailable
from sentinel.dex.simulating.simulator import Batch

from .conftest import Desk
from .nodes import Disguise, alone, both, effects, freeze, refusing, some, where


@pytest.fixture
async def disguise(desk: Desk) -> AsyncIterator[Disguise]:
    async with Disguise(desk.net.rpc_url).running() as node:
        yield node


async def test_a_fork_killed_in_the_middle_of_a_batch_costs_nothing_but_the_time(desk: Desk) -> None:
    """The node answers in the same call; the fork comes back beside it, and takes over once it is warm."""
    async with far_away(desk.net.rpc_url, 0.1) as far, both(desk, far, desk.net.rpc_url, 20) as (kit, fork):
        state = await desk.state()
        await fork.follow(state.head)
        tried = some(desk, state)
        under_way = asyncio.create_task(kit.simulate_all(state, tried))
        await asyncio.sleep(0.3)
        pid = fork.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        found = await under_way
        assert where(found) == {"node"}
        assert effects(found) == effects(await desk.kit.simulate_all(state, tried))
        for _ in range(200):
            kit.warm(state)
            await kit.warmed()
            if not kit.simulator.node_first:
                break
            await asyncio.sleep(0.05)
        assert fork.pid not in (None, pid)
        assert where(await kit.simulate_all(state, tried)) == {"fork"}
        assert kit.simulator.batches == {"node": 1, "fork": 1}


async def test_a_frozen_fork_is_waited_for_once_and_not_twice_as_long(desk: Desk) -> None:
    """Fork and node share the time of one; the next head goes to the node at once, until the fork answers again."""
    async with both(desk, desk.net.rpc_url, desk.net.rpc_url, 2.0) as (kit, fork):
        state = await desk.state()
        tried = some(desk, state)
        expected = effects(await kit.simulate_all(state, tried))
        frozen = freeze(fork)
        found = await kit.simulate_all(state, tried)
        assert (effects(found), where(found)) == (expected, {"node"})
        await desk.net.market.step()
        state = await desk.state()
        failures = fork._failures
        kit.warm(state)  # hangs on the fork, and holds nobody up
        assert where(await kit.simulate_all(state, some(desk, state))) == {"node"}
        assert fork._failures == failures  # nobody waited for it
        os.kill(frozen, signal.SIGCONT)
        for _ in range(100):
            kit.warm(state)
            await kit.warmed()
            if not kit.simulator.node_first:
                break
        assert where(await kit.simulate_all(state, some(desk, state))) == {"fork"}


async def test_where_neither_answers_both_together_get_the_time_of_one(desk: Desk, disguise: Disguise) -> None:
    """The Hold comes no later than without a node, and says what each of them did."""
    async with both(desk, desk.net.rpc_url, disguise.url, 1.0) as (kit, fork):
        state = await desk.state()
        await kit.simulate_all(state, some(desk, state))
        assert kit.simulator.node is not None
        assert await kit.simulator.node.cannot(state.head) is None
        freeze(fork)
        disguise.delay = 30.0
        with pytest.raises(ForkUnavailable) as caught:
            await kit.simulate_all(state, some(desk, state))
        waited = [float(seconds) for seconds in re.findall(r"did not answer within ([0-9.]+) s", str(caught.value))]
        assert len(waited) == 2
        assert sum(waited) <= 1.0


async def test_a_fork_whose_upstream_is_behind_does_not_hold(desk: Desk) -> None:
    """Its upstream has not reached the head; the node has."""
    head = await latest_head(desk.net.rpc)
    arguments = ["--fork-url", desk.net.rpc_url, "--fork-block-number", str(head.number), "--no-rate-limit"]
    child, behind = await start_anvil(arguments=[*arguments, "--chain-id", str(desk.network.chain_id)])
    try:
        await desk.net.market.step()
        state = await desk.state()
        async with both(desk, behind, desk.net.rpc_url, 5) as (kit, fork):
            found = await kit.simulate_all(state, some(desk, state))
            assert where(found) == {"node"}
            assert effects(found) == effects(await desk.kit.simulate_all(state, some(desk, state)))
            with pytest.raises(ForkUnavailable, match="the fork failed"):
                await fork.follow(state.head)
    finally:
        await child.stop()


async def test_a_slow_fork_that_works_is_not_left(desk: Desk) -> None:
    """Behind an upstream 20 ms away it answers in its share of the time, and is what answers."""
    async with far_away(desk.net.rpc_url, 0.02) as far, both(desk, far, desk.net.rpc_url, 20) as (kit, _):
        for _ in range(3):
            await desk.net.market.step()
            state = await desk.state()
            assert where(await kit.simulate_all(state, some(desk, state))) == {"fork"}


async def test_a_fork_that_is_back_but_too_slow_is_not_waited_for_again(desk: Desk) -> None:
    """Being put on the head is not enough to be trusted: it must have simulated, and that beside the cycle."""
    async with far_away(desk.net.rpc_url, 0.1) as far, both(desk, far, desk.net.rpc_url, 20) as (kit, fork):
        fork._timeout = 0.5
        for _ in range(2):
            await desk.net.market.step()
            state = await desk.state()
            kit.warm(state)
            await asyncio.sleep(0.1)
            assert where(await kit.simulate_all(state, some(desk, state))) == {"node"}
            await kit.warmed()
        fork._timeout = 20
        await fork.follow(state.head)
        await kit.simulator.warm(state.head, Batch(state.wallet, [], state.balances, 0))
        assert fork.healthy
        assert kit.simulator.node_first
        assert "until it is warm" in await kit.simulator.ready(state.head)
        kit.warm(state)
        await asyncio.sleep(0.1)
        assert where(await kit.simulate_all(state, some(desk, state))) == {"node"}  # which does not end the warm-up
        await kit.warmed()
        assert where(await kit.simulate_all(state, some(desk, state))) == {"fork"}


async def test_a_node_without_the_method_is_remembered_and_leaves_the_hold(desk: Desk, disguise: Disguise) -> None:
    """One request finds it out; the fork then has all the time, as if there were no node."""
    disguise.twist = refusing
    state = await desk.state()
    async with both(desk, desk.net.rpc_url, disguise.url, 1.0) as (kit, fork):
        node = kit.simulator.node
        assert node is not None
        assert await node.cannot(state.head) == "it has no eth_simulateV1"
        freeze(fork)
        for _ in range(2):
            with pytest.raises(ForkUnavailable, match=r"within 1 s$"):
                await kit.simulate_all(state, some(desk, state))
        assert len(disguise.calls) == 2  # the probe's
        with pytest.raises(ForkUnavailable):
            await kit.simulator.ready(state.head)


async def test_without_a_fork_there_is_nothing_to_warm(desk: Desk, disguise: Disguise) -> None:
    """No task is started, and the node is asked nothing that nobody waits for."""
    state = await desk.state()
    async with alone(desk, disguise.url) as direct:
        await direct.simulate_all(state, some(desk, state))
        asked = len(disguise.calls)
        direct.warm(state)
        await direct.warmed()
        assert len(disguise.calls) == asked
        assert await direct.simulator.ready(state.head) == "the node simulates, without a fork"
