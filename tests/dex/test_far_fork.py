"""A fork whose upstream is far away, fails, or goes: late is Hold, warm is quick, a closed fork leaves nothing."""

from __future__ import annotations

import asyncio
import time

import pytest

from lab.bench.freshness import far_away
from sentinel.core.errors import ForkUnavailable
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit

from .conftest import Desk, candidates


async def test_what_the_last_candidates_touched_is_read_while_the_model_thinks(desk: Desk) -> None:
    """With an upstream 50 ms away a warm batch takes less than half of a cold one's time, with the same result."""
    async with far_away(desk.net.rpc_url, 0.05) as url, Fork(desk.network, url, timeout=60) as fork:
        kit = DexToolkit(desk.network, fork)
        took, found = [], []
        for warm in (False, True):
            await desk.net.market.step()
            state = await desk.state()
            tried = candidates(desk.build.swap(state, "WETH", "USDC", 0.3, "v3-500"))
            if warm:
                kit.warm(state)
                await kit.warmed()
            began = time.perf_counter()
            found.append(await kit.simulate_all(state, tried))
            took.append(time.perf_counter() - began)
        assert took[1] < took[0] / 2
        assert found[1] == await desk.kit.simulate_all(state, tried)


async def test_candidates_never_wait_for_the_warm_up(desk: Desk) -> None:
    """It ends as they come, is no failure of the fork, and leaves nothing in what is simulated."""
    async with far_away(desk.net.rpc_url, 0.02) as url, Fork(desk.network, url, timeout=60) as fork:
        kit = DexToolkit(desk.network, fork)
        for _ in range(3):
            await desk.net.market.step()
            state = await desk.state()
            tried = candidates(desk.build.swap(state, "USDC", "WETH", 300, "v2"))
            kit.warm(state)
            await asyncio.sleep(0.05)
            found = await kit.simulate_all(state, tried)
            assert found == await desk.kit.simulate_all(state, tried)
            assert fork.healthy


async def test_an_upstream_half_a_second_away_is_late_and_no_revert(desk: Desk) -> None:
    """Each slot is such a request: the batch is given up at the timeout, never told as a candidate's own failure."""
    async with far_away(desk.net.rpc_url, 0.5) as url, Fork(desk.network, url, timeout=30) as fork:
        kit = DexToolkit(desk.network, fork)
        state = await desk.state()
        await fork.follow(state.head)
        fork._timeout = 1.0
        began = time.perf_counter()
        with pytest.raises(ForkUnavailable, match="did not answer within"):
            await kit.simulate_all(state, candidates(desk.build.swap(state, "WETH", "USDC", 0.3, "v3-500")))
        assert time.perf_counter() - began < 3
        assert not fork.healthy


async def test_a_fork_killed_in_the_middle_of_a_batch_is_unavailable_and_comes_back(desk: Desk) -> None:
    """The batch that was under way is told as the fork's failure; a later one is simulated again."""
    async with far_away(desk.net.rpc_url, 0.1) as url, Fork(desk.network, url, timeout=20) as fork:
        kit = DexToolkit(desk.network, fork)
        state = await desk.state()
        await fork.follow(state.head)
        tried = candidates(desk.build.swap(state, "WETH", "USDC", 0.3, "v3-500"))
        under_way = asyncio.create_task(kit.simulate_all(state, tried))
        await asyncio.sleep(0.3)
        assert fork._child is not None
        await fork._child.kill()
        with pytest.raises(ForkUnavailable):
            await under_way
        for _ in range(100):
            try:
                (again,) = await kit.simulate_all(state, tried)
                break
            except ForkUnavailable:
                await asyncio.sleep(0.1)
        assert again.revert is None


async def test_a_use_that_a_closed_fork_cuts_off_starts_no_other_one(desk: Desk) -> None:
    """Closing while a batch is under way leaves no process behind."""
    async with far_away(desk.net.rpc_url, 0.1) as url:
        fork = await Fork(desk.network, url, timeout=20).start()
        kit = DexToolkit(desk.network, fork)
        state = await desk.state()
        kit.warm(state)
        await asyncio.sleep(0.3)
        await fork.close()
        await kit.warmed()
        await asyncio.sleep(0.1)
        assert fork.pid is None
        assert fork._reviving is None
