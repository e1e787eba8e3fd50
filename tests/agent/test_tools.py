"""The tools: pure reads in whole tokens, spendable amounts rounded down, every argument checked."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.agent.memory_interface import EmptyMemory
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import Approve, HoldAction, Swap
from sentinel.core.errors import ActionFault, CodeFault, QuoteError
from tests.agent.doubles import STATE, toolbox, with_balances

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(["WETH", "USDC", "ETH", "v2", 10**400, -1.0, 1e400]),
    st.lists(st.integers(), max_size=2),
)


def test_reads_answer_in_whole_tokens() -> None:
    """3 WETH at 2000 and 4000 USDC: 10,000 of equity, 60 % of it WETH."""
    tools = toolbox()
    assert tools.balance("WETH") == 3.0
    assert tools.balance("ETH") == 1.0
    assert tools.equity() == tools.equity("USDC") == 10_000.0
    assert tools.equity("WETH") == 5.0
    assert (tools.weight("WETH"), tools.weight("USDC"), tools.weight("WBTC")) == (0.6, 0.4, 0.0)
    assert tools.target("WETH") == 0.5
    assert tools.venues("WETH", "USDC") == ["v2", "v3-500", "v3-3000"]
    assert tools.best_venue("WETH", "USDC", 1) == "v3-500"
    assert tools.quote("WETH", "USDC", 1, "v3-500") == 1999.0


def test_prices_are_the_last_bars_oldest_first() -> None:
    """Rounded to seven digits; fewer bars where fewer are known; the current price where no history is."""
    assert toolbox().prices("WETH", 2) == [1980.123, 2000.0]
    assert toolbox().prices("WETH", 100) == [1900.0, 1950.0, 1980.123, 2000.0]
    assert toolbox().prices("USDC", 5) == [1.0]


def test_the_best_cycle_is_small_numbers_and_labels() -> None:
    """The amount is rounded down, and no cycle is a profit of zero, not an error."""
    assert toolbox().best_cycle("USDC", "WETH", 500) == {
        "amount": 250.12345,
        "profit": 3.25,
        "buy": "v2",
        "sell": "v3-500",
    }
    assert toolbox().best_cycle("USDC", "WETH", 50)["profit"] == 0.0


def test_the_best_loop_is_what_a_route_takes() -> None:
    """The amount is rounded down, and no loop is a profit of zero, not an error."""
    tools = toolbox()
    best = tools.best_loop("USDC", 500)
    assert best == {
        "tokens": ["USDC", "WETH", "WBTC", "USDC"],
        "venues": ["v2", "v3-3000", "v3-3000"],
        "amount": 250.12345,
        "profit": 3.25,
    }
    taken = tools.route(best["tokens"], best["amount"], best["venues"])  # type: ignore[arg-type]
    assert isinstance(taken, Swap)
    assert taken.is_cycle
    assert tools.best_loop("USDC", 50) == {"tokens": [], "venues": [], "amount": 0.0, "profit": 0.0}


def test_the_block_is_the_heads_number() -> None:
    """A count for slices."""
    assert toolbox().block() == STATE.head.number


class Traded(EmptyMemory):
    """A memory of one trade, decided 90 s before the block."""

    def last_trade(self) -> int | None:
        return STATE.head.timestamp - 90


def test_time_and_gas_are_those_of_the_block(sandbox: Sandbox) -> None:
    """Seconds of chain time, and gwei; before the first trade the last one is longer ago than any wait."""
    tools = toolbox()
    assert (tools.now(), tools.last_trade(), tools.gas_price()) == (1_700_000_000, 10**12, 11.0)
    assert replace(tools, memory=Traded()).last_trade() == 90
    earlier = replace(STATE, head=replace(STATE.head, timestamp=STATE.head.timestamp - 100))
    assert replace(toolbox(earlier), memory=Traded()).last_trade() == 0
    legacy = replace(STATE, head=replace(STATE.head, base_fee=0), priority_fee=3_210_000_000)
    assert toolbox(legacy).gas_price() == 3.21
    ran = sandbox.run_blocking("print(last_trade() > 3600, gas_price() < 30, now() % 3600)", tools)
    assert (ran.error, ran.observation) == (None, "True True 800")


def test_depth_impact_gas_and_inventory_are_short_numbers() -> None:
    """What may be sold is rounded down; the shares are those that `weight` gives."""
    tools = toolbox()
    assert tools.depth("WETH", "USDC", "v2", 10) == 5.0
    assert tools.impact("WETH", "USDC", 1, "v2") == 30.0
    assert tools.gas_cost() == 3.04123
    assert tools.inventory() == {"USDC": 0.4, "WBTC": 0.0, "WETH": 0.6}


@pytest.mark.parametrize("bps", [0, -1, 10_000, float("nan"), float("inf"), "10", None, True, 10**400])
def test_bps_are_between_nothing_and_everything(bps: Any) -> None:
    """A price cannot move by nothing, nor by all of itself."""
    with pytest.raises(CodeFault, match="bps is a number above 0"):
        toolbox().depth("WETH", "USDC", "v2", bps)


@pytest.mark.parametrize("k", [0, -1, 17, 10**30, 2.0, float("nan"), "3", None, True, [1]])
@pytest.mark.parametrize("name", ["similar", "recall"])
def test_memory_gives_at_most_sixteen(name: str, k: object) -> None:
    """Any other number than 1 to 16 is the code's fault."""
    with pytest.raises(CodeFault, match="k is a whole number from 1 to 16"):
        toolbox().reads[name](k)


def test_without_a_memory_there_is_nothing_to_recall() -> None:
    """Empty lists, no error; and an unknown token is still said to be one."""
    tools = toolbox()
    assert (tools.similar(), tools.similar(16, "WBTC"), tools.recall()) == ([], [], [])
    with pytest.raises(CodeFault, match="unknown token"):
        tools.similar(3, "DOGE")


def test_only_looks_at_the_market_are_fresh(sandbox: Sandbox) -> None:
    """Memory, the analyst, the network file and the price of gas are no look at it; each alone leaves reads empty."""
    stale = 'similar(1); recall(1); gas_cost(); target("WETH"); venues("WETH", "USDC")'
    stale += "; now(); last_trade(); gas_price(); block()"
    assert sandbox.run_blocking(stale, toolbox()).reads == ()
    looks = 'inventory(); depth("WETH", "USDC", "v2", 5); impact("WETH", "USDC", 1, "v2")'
    assert sandbox.run_blocking(looks, toolbox()).reads == ("inventory", "depth", "impact")


@given(st.integers(0, 10**26), st.floats(1e-6, 1e9))
def test_what_the_worth_buys_back_is_never_more_than_the_balance(held: int, price: float) -> None:
    """Selling worth(token) / prices(token, 1)[-1] must not ask for a unit that is not there."""
    state = replace(with_balances(WETH=held), prices={**STATE.prices, "WETH": price}, history={})
    tools = toolbox(state)
    assert int(tools.worth("WETH") / tools.prices("WETH", 1)[-1] * 10**18) <= held
    assert tools.balance("WETH") * 10**18 <= held * (1 + 1e-15)


def test_an_empty_wallet_has_weights_of_zero() -> None:
    """No division by nothing."""
    tools = toolbox(with_balances(WETH=0, USDC=0))
    assert (tools.equity(), tools.weight("WETH"), tools.worth("WETH"), tools.balance("USDC")) == (0, 0, 0, 0)


def test_a_token_without_a_price_is_said_so() -> None:
    """A price that is missing, zero or not finite is never used."""
    for price in (0.0, -1.0, float("nan"), float("inf")):
        tools = toolbox(replace(STATE, prices={**STATE.prices, "WETH": price}, history={}))
        with pytest.raises(CodeFault, match="no price of WETH"):
            tools.prices("WETH")
    assert toolbox(replace(STATE, prices={"USDC": 1.0})).equity() == 4000.0


def test_final_actions_are_typed_values() -> None:
    """They come from the builder; the words of a hold are cut to one printable line."""
    tools = toolbox()
    assert isinstance(tools.swap("WETH", "USDC", 1, "v2"), Swap)
    assert isinstance(tools.cycle("USDC", "WETH", 100, "v2", "v3-500"), Swap)
    assert tools.approve("USDC", 10) == Approve("USDC", "permit2", 10_000_000, 1_700_000_120)
    held = tools.hold("calm\n\x1b[31m" + "x" * 500)
    assert isinstance(held, HoldAction)
    assert len(held.reason) == 80
    assert held.reason.isprintable()


@pytest.mark.parametrize("name", ["balance", "worth", "equity", "weight", "target", "prices"])
def test_unknown_tokens_are_named_in_one_short_line(name: str) -> None:
    """The model's own words come back stripped and capped."""
    with pytest.raises(CodeFault) as fault:
        toolbox().reads[name]("W\x1b" + "E" * 500)
    assert str(fault.value).startswith("unknown token W?E")
    assert len(str(fault.value)) < 100


@given(st.sampled_from([*toolbox().reads, *toolbox().finals]), st.lists(VALUES, max_size=5))
def test_any_arguments_give_an_answer_or_a_fault_of_the_codes(name: str, arguments: list[Any]) -> None:
    """Whatever is passed: an answer, or an error that the code is told; never one of ours."""
    tools = toolbox()
    with contextlib.suppress(CodeFault, ActionFault, QuoteError):
        (tools.reads.get(name) or tools.finals[name])(*arguments)


def test_only_reads_of_the_market_count_as_fresh() -> None:
    """The analyst's target and the list of venues would be the same at any block; its number says nothing of prices."""
    tools = toolbox()
    left_out = {"target", "venues", "similar", "recall", "last_trade", "gas_cost", "gas_price", "block", "now"}
    assert {*tools.reads} - tools.fresh == left_out


def test_a_failed_read_is_no_read(sandbox: Sandbox) -> None:
    """Only an answered tool call has looked at the market."""
    run = sandbox.run_blocking('try:\n    weight("NOPE")\nexcept ValueError as e:\n    print(e)', toolbox())
    assert run.reads == ()
    assert run.observation == "unknown token NOPE; known are USDC, WBTC, WETH"
