"""A new venue is one class and one entry of the list: it is read, quoted, built and simulated; permitted it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.actions import Swap
from sentinel.core.spent import Spent
from sentinel.decide.policy import Policy
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.costs import expected_gas
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.quoting.quotes import quote_swap
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import VENUES
from sentinel.dex.venues.uniswap_v2 import UniswapV2

from .conftest import Desk, candidates


class Newcomer(UniswapV2):
    """What would be `sentinel/dex/newcomer.py`; its contracts are a V2 pair's, so that the local market has one."""

    gas = 63_000


async def test_a_venue_is_one_class_and_one_entry(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else of the folder is touched, and its pool trades beside the others, in splits, hops and cycles."""
    venues: Any = VENUES
    monkeypatch.setitem(venues, "newcomer", Newcomer())
    old = desk.network.pools["WETH/USDC-v2"]
    pool = replace(old, name="WETH/USDC-new", venue="newcomer")
    network = replace(desk.network, pools={**desk.network.pools, pool.name: pool})
    wallet = desk.account.address
    reader = MarketReader(desk.net.rpc, network, wallet, VENUES, BlockCloses(5), min_priority_fee=10**9)
    state = await reader.read(await latest_head(desk.net.rpc))
    assert state.pools[pool.name] == state.pools[old.name]
    assert "new" in DexQuoter(network).venues(state, "WETH", "USDC")
    build, kit = ActionBuilder(network), DexToolkit(network, desk.fork)
    actions = [
        build.swap(state, "WETH", "USDC", 0.4, "new"),
        build.swap(state, "WETH", "USDC", 0.4, ["new", "v3-3000"]),
        build.route(state, ["USDC", "WETH", "WBTC"], 500, ["new", "v3-3000"]),
    ]
    simulations = await kit.simulate_all(state, candidates(*actions))
    for simulation in simulations:
        swap = simulation.candidate.action
        assert isinstance(swap, Swap)
        assert simulation.revert is None
        assert simulation.deltas[swap.token_out] == quote_swap(network, state.pools, swap)
    legs = actions[0].routes[0].legs
    assert expected_gas(legs) - expected_gas([replace(legs[0], venue=old.venue)]) == Newcomer.gas - UniswapV2.gas

    ballots, refusals = Policy(network, Limits.of(load(env_file=None).limits, network)).screen(
        simulations, state, Spent(0, 0)
    )
    assert (ballots, {refusal.rule for refusal in refusals}) == ((), {"route"})  # policy was not taught about it
