"""The agent's seams against the real quoter and builder, on pools made here."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.episode import play
from sentinel.agent.prompt import observation
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import Swap
from sentinel.core.errors import AgentFault, QuoteError
from sentinel.core.market_state import V2State
from sentinel.core.network import NATIVE, Feed, Pool
from sentinel.dex.building.action_builder import ActionBuilder as DexBuilder
from sentinel.dex.quoting.costs import TRADE_GAS
from sentinel.dex.quoting.quoter import DexQuoter
from tests.agent.doubles import ADDRESS, NETWORK, STATE, VIEW, Script, turn

POOLS = {
    "WETH/USDC-v2": Pool("WETH/USDC-v2", "uniswap_v2", ADDRESS, "USDC", "WETH", 3000),
    "WETH/USDC-v2b": Pool("WETH/USDC-v2b", "uniswap_v2", ADDRESS, "USDC", "WETH", 3000),
}
NET = replace(NETWORK, pools=POOLS, feeds={"WETH": Feed("WETH", ADDRESS, 8, 3600)})
MARKET = replace(
    STATE,
    pools={
        "WETH/USDC-v2": V2State(2_000_000 * 10**6, 1_000 * 10**18),
        "WETH/USDC-v2b": V2State(2_060_000 * 10**6, 1_000 * 10**18),  # 3 % dearer
    },
)
QUOTER: Quoter = DexQuoter(NET)
BUILDER: Builder = DexBuilder(NET)


def tools() -> Toolbox:
    return Toolbox(MARKET, VIEW, NET, QUOTER, BUILDER)


def test_reads_reach_the_pools() -> None:
    """Labels, quotes and the best venue are the exact ones of the pools."""
    assert tools().venues("USDC", "WETH") == ["v2", "v2b"]
    assert tools().best_venue("WETH", "USDC", 1) == "v2b"
    assert tools().quote("USDC", "WETH", 2000, "v2") == pytest.approx(0.996, rel=1e-3)


def test_depth_impact_and_gas_reach_the_pools() -> None:
    """Selling up to the depth costs about half its bps on top of the fee; gas is a leg's at the reference price."""
    box = tools()
    deep = box.depth("WETH", "USDC", "v2", 20)
    assert deep == pytest.approx(1.004, rel=1e-3)
    assert box.impact("WETH", "USDC", deep, "v2") == pytest.approx(30 + 10, abs=0.2)
    assert box.impact("WETH", "USDC", 1e-3, "v2") == pytest.approx(30, abs=0.1)
    assert box.gas_cost() == pytest.approx(TRADE_GAS * (11.25 + 1) * 1e-9 * 2000, rel=1e-5)


def test_what_was_not_read_has_no_depth_and_what_nothing_prices_no_cost() -> None:
    """A pool without a state at this block is refused as a quote of it is; so is gas without a reference."""
    box = replace(tools(), state=replace(MARKET, pools={}, reference={}))
    with pytest.raises(QuoteError):
        box.depth("WETH", "USDC", "v2", 20)
    with pytest.raises(QuoteError):
        box.impact("WETH", "USDC", 1, "v2")
    with pytest.raises(QuoteError):
        box.gas_cost()


def test_a_split_and_a_route_are_swaps_of_their_venues() -> None:
    """`best_split` and `best_route` answer what `swap` and `route` take; nonsense in lists is the code's fault."""
    box = tools()
    names = box.best_split("USDC", "WETH", 3000)
    assert names == ["v2"]  # the other pair is 3 % dearer
    shared = box.swap("WETH", "USDC", 0.5, ["v2", "v2b"])
    assert isinstance(shared, Swap)
    assert sum(route.amount_in for route in shared.routes) == 5 * 10**17
    best = box.best_route("WETH", "USDC", 0.5)
    assert (best["tokens"], best["venues"]) == (["WETH", "USDC"], ["v2b"])
    swap = box.route(["WETH", "USDC"], 0.5, ["v2b"])
    assert isinstance(swap, Swap)
    assert swap.routes[0].legs[0].pool == "WETH/USDC-v2b"
    wrong: list[tuple[Any, Any]] = [
        ("WETH", ["v2"]),
        (["WETH"], []),
        (["WETH", "USDC"], ["v2", "v2"]),
        ([1, 2], ["v2"]),
    ]
    wrong += [(["WETH", "USDC", "WETH"], ["v2", "v2"]), (["WETH", "USDC"], "v2"), (["WETH", "USDC"], ["v9"])]
    for tokens, venues in wrong:
        with pytest.raises(AgentFault):
            box.route(tokens, 0.5, venues)
    for venue in ([], ["v2", "v2"], ["v2", 3], ["v2"] * 9):
        with pytest.raises(AgentFault):
            box.swap("WETH", "USDC", 0.5, venue)  # type: ignore[arg-type]


def test_the_gas_coin_is_routed_by_wrap_and_unwrap() -> None:
    """At the ends of a route and nowhere else; what the trade itself costs cannot be sold."""
    box = tools()
    sold = box.route(["ETH", "WETH", "USDC"], 0.5, ["wrap", "v2b"])
    assert isinstance(sold, Swap)
    assert (sold.value, sold.token_out) == (5 * 10**17, "USDC")
    for tokens, venues in ((["ETH", "WETH"], ["wrap"]), (["WETH", "ETH"], ["unwrap"])):
        assert isinstance(box.route(tokens, 0.5, venues), Swap)
    wrong: list[tuple[list[str], float, list[str]]] = [
        (["ETH", "WETH", "USDC"], 1, ["wrap", "v2b"]),  # all that the wallet has
        (["ETH", "USDC"], 0.5, ["v2b"]),
        (["USDC", "ETH", "WETH"], 0.5, ["v2b", "wrap"]),
        (["ETH", "WETH", "ETH"], 0.5, ["wrap", "unwrap"]),
    ]
    for tokens, amount, venues in wrong:
        with pytest.raises(AgentFault):
            box.route(tokens, amount, venues)
    with pytest.raises(AgentFault):
        box.swap("ETH", "USDC", 0.5, "v2b")


async def test_an_arbitrage_goes_from_a_look_to_a_built_cycle(sandbox: Sandbox) -> None:
    """Two steps: the code reads the best cycle and takes it, rounded down, in one transaction."""
    look = turn('best = best_cycle("USDC", "WETH", 3000)\nprint(best["profit"] > 1)')
    act = turn('cycle("USDC", "WETH", best["amount"], best["buy"], best["sell"])')
    proposal = await play(Script([[look] * 3, [act] * 3]), sandbox, tools(), [], observation, n=3)
    assert len(proposal.candidates) == 3
    action = proposal.candidates[0].action
    assert isinstance(action, Swap)
    assert action.is_cycle
    assert 0 < action.amount_in <= 3000 * 10**6 < action.min_out


async def test_selling_all_that_is_worth_something_can_be_built(sandbox: Sandbox) -> None:
    """worth / price never asks for more than the wallet holds."""
    code = (
        'amount = worth("WETH") / prices("WETH", 1)[-1]\n'
        'swap("WETH", "USDC", amount, best_venue("WETH", "USDC", amount))'
    )
    proposal = await play(Script([[turn(code)]]), sandbox, tools(), [], observation, n=1)
    assert [type(c.action) for c in proposal.candidates] == [Swap]


WORDS = ["WETH", "USDC", "WBTC", NATIVE, "v2", "v2b", "", "x" * 50]
NUMBERS: list[Any] = [1, 0, -1, 1e-300, 5e-324, 1e15, 1e400, float("nan"), 10**400, 0.1, 3000, True, None, "1", [1]]


@given(
    st.sampled_from([*tools().reads, *tools().finals]),
    st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(NUMBERS), st.floats()), max_size=5),
)
@settings(max_examples=500, deadline=None)
def test_hostile_arguments_never_reach_the_arithmetic(name: str, arguments: list[Any]) -> None:
    """An answer, or a fault that the code is told; no error of ours, whatever the real parts are given."""
    box = tools()
    with contextlib.suppress(AgentFault, QuoteError):
        (box.reads.get(name) or box.finals[name])(*arguments)


@pytest.mark.parametrize("amount", NUMBERS)
@pytest.mark.parametrize("pair", [("WETH", "USDC"), ("USDC", "WETH"), ("WETH", NATIVE), ("WBTC", "USDC")])
def test_hostile_amounts_are_refused_by_every_tool_that_takes_one(pair: tuple[str, str], amount: Any) -> None:
    """Well-formed but for the amount or the pair."""
    box = tools()
    for call in (
        lambda: box.quote(*pair, amount, "v2"),
        lambda: box.best_venue(*pair, amount),
        lambda: box.best_cycle(*pair, amount),
        lambda: box.best_loop(pair[0], amount),
        lambda: box.swap(*pair, amount, "v2"),
        lambda: box.cycle(*pair, amount, "v2", "v2b"),
        lambda: box.approve(pair[1], amount),
    ):
        with contextlib.suppress(AgentFault, QuoteError):
            call()
