"""Add a venue: one class, and one line in the registry. It then trades on a local market.

    python examples/new_venue.py

In the tree the class belongs in `sentinel/dex/venues/NAME.py`, and the line in `VENUES` of
`sentinel/dex/venues/registry.py`. docs/venues.md lists the methods of a venue.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

from eth_account import Account

from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.actions import Candidate
from sentinel.core.spent import Spent
from sentinel.decide.policy import Policy
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.quotes import quote_swap
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import VENUES, Venue
from sentinel.dex.venues.uniswap_v2 import UniswapV2
from sentinel.market import Devnet


class Newcomer(UniswapV2):
    """A fork of Uniswap V2. Reading, quoting and the router's command are inherited; only its gas differs."""

    gas = 63_000  # units that one leg adds to a trade


async def main() -> None:
    cast(dict[str, Venue], VENUES)["newcomer"] = Newcomer()  # the line in the registry
    wallet = Account.create().address
    async with Devnet.start() as net:
        await net.fund(wallet, {"ETH": 10**18, "WETH": 10**18})
        await net.allow_permit2(wallet, {"WETH": 10**18})

        # A network file lists the pools that may be traded. An existing V2 pair serves as a pool of the newcomer here.
        pair = replace(net.network.pools["WETH/USDC-v2"], name="WETH/USDC-new", venue="newcomer")
        network = replace(net.network, pools={**net.network.pools, pair.name: pair})

        reader = MarketReader(net.rpc, network, wallet, VENUES, BlockCloses(1), min_priority_fee=10**9)
        state = await reader.read(await latest_head(net.rpc))
        swap = ActionBuilder(network).swap(state, "WETH", "USDC", 0.4, "new")
        quoted = quote_swap(network, state.pools, swap) / 10**6
        async with Fork(network, net.rpc_url) as fork:
            (simulation,) = await DexToolkit(network, fork).simulate_all(state, [Candidate(0, swap, "")])
        received = simulation.deltas["USDC"] / 10**6
        print(f"quoted:    0.4 WETH sells for {quoted:,.6f} USDC")
        print(f"simulated: 0.4 WETH sells for {received:,.6f} USDC with {simulation.gas_used:,} gas")

        # A venue cannot widen what may be traded: policy decodes the transaction itself and does not know it yet.
        policy = Policy(network, Limits.of(load(env_file=None).limits, network))
        _, (refusal,) = policy.screen([simulation], state, Spent(loss=0, volume=0))
        print(f"policy:    refused by the rule `{refusal.rule}`: {refusal.detail}")


if __name__ == "__main__":
    asyncio.run(main())
