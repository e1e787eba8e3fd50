"""Loops over two and three venues on the real contracts: the chain gives exactly what was quoted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sentinel.agent.tools import Toolbox
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.actions import Swap
from sentinel.core.market_state import MarketView, Regime
from sentinel.core.spent import Spent
from sentinel.core.units import GWEI
from sentinel.decide.policy import Policy
from sentinel.dex.quoting.costs import cost_in, expected_gas, expected_size
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.quoting.quotes import quote_swap
from sentinel.market import Devnet
from sentinel.market.crowd import CrowdBehaviour

from .conftest import Desk, candidates

VIEW = MarketView({"WETH": 5000, "USDC": 5000}, Regime.NONE, 1.0, 0, "settings")


@pytest.fixture
async def devnet() -> AsyncIterator[Devnet]:
    """A market that stands open most of the time, in cheap blocks."""
    behaviour = CrowdBehaviour(opening_every=1.5, base_fee=(1 * GWEI, 3 * GWEI))
    async with Devnet.start(behaviour=behaviour) as net:
        yield net


async def test_loops_give_exactly_their_quote_and_their_profit(desk: Desk) -> None:
    """Over two venues and round the triangle both ways: simulated by the real router, passed by policy, to the unit."""
    policy = Policy(desk.network, Limits.of(load(env_file=None, limits={"max_trade": 5000.0}).limits, desk.network))
    quoter, seen = DexQuoter(desk.network), set[tuple[str, ...]]()
    for _ in range(80):
        await desk.net.market.step()
        state = await desk.state()
        box = Toolbox(state, VIEW, desk.network, quoter, desk.build)
        best = box.best_loop("USDC", 3000)
        if not best["profit"]:
            continue
        swap = box.route(best["tokens"], best["amount"], best["venues"])  # type: ignore[arg-type]
        assert isinstance(swap, Swap)
        out = quote_swap(desk.network, state.pools, swap)
        legs = swap.routes[0].legs
        gas = cost_in(desk.network, state, expected_gas(legs), expected_size(legs), "USDC")
        assert gas is not None
        assert best["profit"] == pytest.approx((out - swap.amount_in - gas) / 10**6, rel=1e-4, abs=1e-3)
        simulations = await desk.kit.simulate_all(state, candidates(swap))
        (simulation,) = simulations
        assert simulation.revert is None
        assert simulation.deltas["USDC"] == out - swap.amount_in
        assert simulation.gas_used <= expected_gas(swap.routes[0].legs)
        if best["profit"] > 1:  # type: ignore[operator]
            assert len(policy.screen(simulations, state, Spent(0, 0))[0]) == 1
        seen.add(tuple(best["tokens"]))  # type: ignore[arg-type]
    assert {("USDC", "WETH", "USDC"), ("USDC", "WETH", "WBTC", "USDC"), ("USDC", "WBTC", "WETH", "USDC")} <= seen
