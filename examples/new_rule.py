"""Add a rule: one function, and one line in the list of rules. Policy then refuses what the function refuses.

    python examples/new_rule.py

In the tree the function belongs in a `sentinel/decide/rules_*.py`, and the line in `SWAP` at the end of that file. A
rule can only refuse; a rule that raises refuses too.
"""

from __future__ import annotations

import asyncio

from eth_account import Account

from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.actions import Candidate
from sentinel.core.spent import Spent
from sentinel.decide import policy
from sentinel.decide.case import Case, Finding
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import VENUES
from sentinel.market import Devnet

MAX_POOLS = 1


def few_pools(case: Case) -> Finding:
    """A trade crosses at most MAX_POOLS pools: each costs gas, and the price of each can move before ours is mined."""
    crossed = {leg.pool for route in case.swap.routes for leg in route.legs}
    return len(crossed) <= MAX_POOLS, f"crosses {len(crossed)} pools, at most {MAX_POOLS}"


async def main() -> None:
    policy.SWAP_RULES = (*policy.SWAP_RULES, few_pools)  # the line in the list of rules
    wallet = Account.create().address
    async with Devnet.start() as net:
        await net.fund(wallet, {"ETH": 10**18, "WETH": 10**18, "USDC": 1_000 * 10**6})
        await net.allow_permit2(wallet, {"WETH": 10**18})
        reader = MarketReader(net.rpc, net.network, wallet, VENUES, BlockCloses(1), min_priority_fee=10**9)
        state = await reader.read(await latest_head(net.rpc))
        build = ActionBuilder(net.network)
        actions = {
            "one pool": build.swap(state, "WETH", "USDC", 0.2, "v3-500"),
            "two pools": build.route(state, ["WETH", "WBTC", "USDC"], 0.2, ["v3-3000", "v3-3000"]),
        }
        async with Fork(net.network, net.rpc_url) as fork:
            toolkit = DexToolkit(net.network, fork)
            candidates = [Candidate(index, action, "") for index, action in enumerate(actions.values())]
            simulations = await toolkit.simulate_all(state, candidates)

        judge = policy.Policy(net.network, Limits.of(load(env_file=None).limits, net.network))
        ballots, refusals = judge.screen(simulations, state, Spent(loss=0, volume=0))
        for index, name in enumerate(actions):
            verdict = next((f"refused by `{no.rule}`: {no.detail}" for no in refusals if no.index == index), "passes")
            print(f"{name}: {verdict}")
        assert len(ballots) + len(refusals) == len(actions)


if __name__ == "__main__":
    asyncio.run(main())
