"""A fork that somebody else changed confirms nothing: final bytes are simulated on the node if it can."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from sentinel.chain import anvil
from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import Rpc
from sentinel.core.decision import Act
from sentinel.core.errors import ForkUnavailable
from sentinel.core.host.process import free_port
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import Pool
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent
from sentinel.decide.policy import Policy
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.toolkit import DexToolkit
from sentinel.market import Devnet
from tests.attack.test_hostile_outputs import LIMITS
from tests.attack_tally import Tries
from tests.dex.conftest import Desk, candidates, desk_on
from tests.dex.nodes import Disguise, both, refusing, where

pytestmark = pytest.mark.attack("the fork from outside", "contained")


@pytest.fixture
async def desk(devnet: Devnet) -> AsyncIterator[Desk]:
    async with desk_on(devnet) as opened:
        yield opened


async def decided(desk: Desk, kit: DexToolkit, state: MarketState) -> Intent:
    swap = desk.build.swap(state, "USDC", "WETH", 400, "v2")
    (simulation,) = await kit.simulate_all(state, candidates(swap))
    assert simulation.revert is None
    tx = await kit.finalise(simulation, state, desk)
    return Intent("ab" * 16, Act(simulation, 5, 8, 3, 0), tx, True, simulation.env, swap.deadline, 0)


async def refused(desk: Desk, kit: DexToolkit, intent: Intent, head: Head, state: MarketState) -> set[str]:
    """The rules that refuse the final bytes as this toolkit confirms them."""
    confirmed = await kit.confirm(intent, head, state)
    verdicts = Policy(desk.network, LIMITS).check(
        confirmed, intent.decision, state, head, Spent(0, 0), float(head.timestamp)
    )
    return {verdict.rule for verdict in verdicts if not verdict.ok}


async def test_a_tampered_fork_confirms_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch, tries: Tries) -> None:
    """At worst, with an open port, where a page and another process change the fork between decision and confirm: what
    the chain would not do is refused, and what it would do is not stopped."""
    monkeypatch.setattr(anvil, "without_network", tuple)
    port, rpc = free_port(), desk.net.rpc
    pool_of = desk.network.pools["WETH/USDC-v2"]
    pool, reserves = pool_of.address, hex(8)  # the slot in which a V2 pair keeps them
    async with (
        Fork(desk.network, desk.net.rpc_url, port=port, timeout=20) as fork,
        Rpc(f"http://127.0.0.1:{port}") as evil,
    ):
        assert fork.reachable
        kit = DexToolkit(desk.network, fork, node=NodeSimulation(desk.network, rpc, timeout=20))
        alone = DexToolkit(desk.network, fork)
        state = await desk.state()
        intent = await decided(desk, kit, state)
        assert await refused(desk, kit, intent, state.head, state) == set()
        assert where(await kit.confirm(intent, state.head, state)) == {"node"}

        # A denial: the fork alone is spoilt.
        await evil.call("anvil_setBalance", desk.account.address, "0x0")
        await page(port, "anvil_setCode", desk.network.universal_router, "0xfe")
        assert await refused(desk, kit, intent, state.head, state) == set()
        tries.contained(2)

        # The pool turns bad on the chain, and the fork is made to look as before: its storage, then its code.
        held = await rpc.call("eth_getStorageAt", pool, reserves, "latest")
        code = await rpc.call("eth_getCode", pool, "latest")
        await rpc.call("anvil_setStorageAt", pool, reserves, f"0x{less_weth(int(held, 16), pool_of):064x}")
        for kind in ("storage", "code"):
            if kind == "code":
                await rpc.call("anvil_setStorageAt", pool, reserves, held)
                await rpc.call("anvil_setCode", pool, "0xfe")
            await rpc.call("evm_mine")
            head = await latest_head(rpc)
            await fork.follow(head)
            if kind == "storage":
                await page(port, "anvil_setStorageAt", pool, reserves, held)
                assert await refused(desk, alone, intent, head, state) == set()  # so the fork would have confirmed it
            else:
                await evil.call("anvil_setCode", pool, code)
            assert await refused(desk, kit, intent, head, state)
            tries.refused()


def less_weth(reserves: int, pool: Pool) -> int:
    """The word of a V2 pair's reserves (112 bits each) with a tenth less WETH, so that a buyer gets a tenth less."""
    shift = 0 if pool.token0 == "WETH" else 112
    weth = reserves >> shift & (1 << 112) - 1
    return reserves - (weth // 10 << shift)


async def page(port: int, method: str, *params: str) -> None:
    """A page's request by WebSocket."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{port}/", headers={"Origin": "http://evil.example"}) as channel,
    ):
        await channel.send_str(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        assert "error" not in json.loads(await channel.receive_str())


async def test_a_silent_node_is_no_reason_to_trust_the_fork(desk: Desk) -> None:
    """A node that can simulate and does not answer makes the cycle hold; only one that cannot leaves it to the fork."""
    async with Disguise(desk.net.rpc_url).running() as node, both(desk, desk.net.rpc_url, node.url, 2.0) as (kit, _):
        state = await desk.state()
        intent = await decided(desk, kit, state)
        assert where(await kit.confirm(intent, state.head, state)) == {"node"}
        node.down = True
        with pytest.raises(ForkUnavailable):
            await kit.confirm(intent, state.head, state)
        node.down, node.delay = False, 30.0
        with pytest.raises(ForkUnavailable):
            await kit.confirm(intent, state.head, state)
        node.delay, node.twist = 0.0, refusing
        assert where(await kit.confirm(intent, state.head, state)) == {"fork"}
