"""A trader of one venue: what it may see and build is that venue's pools, and what it proposes says so."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from itertools import permutations, product

import pytest

from sentinel.agent.sandbox import Sandbox
from sentinel.agent.tools import Toolbox
from sentinel.agent.trader import ModelTrader
from sentinel.config import settings, terms
from sentinel.config.network_file import load_network
from sentinel.core.actions import Swap
from sentinel.core.errors import SentinelError, SettingsError
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import PoolState, V2State, V3State, V4State
from sentinel.core.network import NATIVE, Network, Pool
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.quoting.venue_labels import label_of
from sentinel.dex.venues.tick_math import sqrt_price_at
from tests.agent.doubles import STATE, VIEW, Script, turn

NETWORK = load_network("devnet")
ONE = settings.load(None, strategy={"venue": "uniswap_v3"})
WORTH = {"USDC": 1e-6, "WETH": 2000e-18, "WBTC": 40000e-8}  # quote tokens a base unit
LABELS = sorted({label_of(pool) for pool in NETWORK.pools.values()} | {"wrap", "unwrap"})


def deep(pool: Pool, off: float = 1.0) -> PoolState:
    """About 20 million quote tokens on either side; `off` times the price, so that cycles pay."""
    reserve0, reserve1 = (round(2e7 / WORTH[token]) for token in (pool.token0, pool.token1))
    reserve1 = round(reserve1 * off)
    if pool.venue == "uniswap_v2":
        return V2State(reserve0, reserve1)
    tick = tick_at(reserve1 / reserve0)
    liquidity = int((reserve0 * reserve1) ** 0.5)
    at = V3State(sqrt_price_at(tick), tick, liquidity, (), tick - 5000, tick + 5000)
    if pool.venue == "uniswap_v3":
        return at
    return V4State(at.sqrt_price_x96, tick, liquidity, (), tick - 5000, tick + 5000, pool.fee_pips, pool.fee_pips)


def tick_at(price: float) -> int:
    return math.floor(math.log(price) / math.log(1.0001))


MARKET = replace(
    STATE,
    pools={name: deep(pool, 1 + 0.008 * place) for place, (name, pool) in enumerate(NETWORK.pools.items())},
    balances={**STATE.balances, "WBTC": 10**8, NATIVE: 2 * 10**18},
    reference={},
)


def box(network: Network) -> Toolbox:
    return Toolbox(MARKET, VIEW, network, DexQuoter(network), ActionBuilder(network))


def venues_built(network: Network) -> set[str]:
    """Of every action that can be built there, whatever labels of the whole network are written."""
    tools, found = box(network), set[str]()
    tokens = [*network.tokens, NATIVE]

    def add(build: str, *arguments: object) -> None:
        with contextlib.suppress(SentinelError):
            action = tools.finals[build](*arguments)
            assert isinstance(action, Swap)
            found.update(leg.venue for route in action.routes for leg in route.legs)

    for a, b in permutations(tokens, 2):
        amount = 1.0 if a != "USDC" else 100.0
        for label in LABELS:
            add("swap", a, b, amount, label)
            add("route", [a, b], amount, [label])
        for one, other in product(LABELS, repeat=2):
            add("swap", a, b, amount, [one, other])
            add("cycle", a, b, amount, one, other)
            for c in tokens:
                add("route", [a, b, c], amount, [one, other])
    return found


def test_no_action_over_another_venue_can_be_built() -> None:
    """Swaps, splits, routes and cycles, by every pair of labels there is; the whole network builds all three kinds.
    Wrapping the coin crosses no pool."""
    coin = {"wrap", "unwrap"}
    assert venues_built(NETWORK) - coin == {"uniswap_v2", "uniswap_v3", "uniswap_v4"}
    assert venues_built(terms.action_builder_terms(ONE, NETWORK)) - coin == {"uniswap_v3"}


def test_what_it_sees_is_its_venue_alone() -> None:
    """Lists, best venues and cycles."""
    tools = box(terms.action_builder_terms(ONE, NETWORK))
    assert tools.venues("WETH", "USDC") == ["v3-3000", "v3-500"]
    assert tools.best_venue("USDC", "WETH", 100).startswith("v3")
    assert all(label.startswith("v3") for label in tools.best_split("USDC", "WETH", 4000))
    for found in (tools.best_cycle("USDC", "WETH", 1000), tools.best_loop("USDC", 1000)):
        labels = [found.get("buy", ""), found.get("sell", ""), *found.get("venues", [])]  # type: ignore[misc]
        assert all(str(label).startswith("v3") for label in labels if label)


@pytest.mark.parametrize("name", ["sentinel-student", "trader@uniswap_v3"])
async def test_what_is_proposed_names_the_venue(sandbox: Sandbox, name: str) -> None:
    """Beside the student's name, or by it where a student of that name is served. Code that names another venue comes
    to nothing."""
    good = turn('swap("USDC", "WETH", 100, best_venue("USDC", "WETH", 100))')
    bad = turn('x = weight("WETH")\nswap("USDC", "WETH", 100, "v2")')
    network = terms.action_builder_terms(ONE, NETWORK)
    mandate = Mandate("rebalance", "WETH", 0.02, 20, 0.004, 500.0, 10.0)
    script = Script([[good, bad, good]], source=f"student:{name}")
    trader = ModelTrader(
        script, sandbox, network, DexQuoter(network), ActionBuilder(network), mandate, venue="uniswap_v3"
    )
    proposal = await trader.propose(MARKET, VIEW, 3)
    assert proposal.source == (
        "student:sentinel-student@uniswap_v3" if name == "sentinel-student" else f"student:{name}"
    )
    assert [candidate.index for candidate in proposal.candidates] == [0, 2]
    assert [(one.index, one.reason) for one in proposal.discarded] == [(1, "unbuildable")]


def test_a_venue_without_a_pool_of_the_pair_is_refused_at_start() -> None:
    """A trader that could never trade is the operator's mistake."""
    with pytest.raises(SettingsError, match="no pool of uniswap_v2 trades WBTC"):
        terms.action_builder_terms(settings.load(None, strategy={"venue": "uniswap_v2", "base": "WBTC"}), NETWORK)
