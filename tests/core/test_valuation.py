"""Every valuation agrees with its formula written out, to the unit, whatever the decimals, prices and amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core import gas, valuation
from sentinel.core.actions import Candidate, HoldAction
from sentinel.core.market_state import Reference
from sentinel.core.network import NATIVE, Network, Token
from sentinel.core.simulation import Simulation, TxRequest
from tests.decide import fair_market

TOKENS = ("USDC", "WETH", "WBTC", "OTHER")
amounts = st.dictionaries(st.sampled_from((*TOKENS, NATIVE, "UNKNOWN")), st.integers(-(2**128), 2**128))
answers = st.builds(Reference, st.integers(1, 10**24), st.integers(0, 18), st.just(0))
references = st.dictionaries(st.sampled_from((*TOKENS, "UNKNOWN")), answers)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Quoted in a token of any decimals; seldom in the wrapped coin itself."""
    tokens = {name: Token(name, "0x" + "11" * 20, draw(st.integers(0, 18))) for name in TOKENS}
    return replace(fair_market.NETWORK, tokens=tokens, quote=draw(st.sampled_from(("USDC", "USDC", "WETH"))))


def written_out(symbol: str, prices: Mapping[str, Reference], network: Network) -> tuple[int, int] | None:
    """Quote base units per base unit, without a fraction's reduction."""
    name = network.wrapped if symbol == NATIVE else symbol
    if name == network.quote:
        return 1, 1
    if name not in network.tokens or name not in prices:
        return None
    above = prices[name].answer * 10 ** network.tokens[network.quote].decimals
    return above, 10 ** prices[name].decimals * 10 ** network.tokens[name].decimals


@given(networks(), references, amounts)
def test_a_value_is_the_sum_of_each_amount_rounded_down(
    network: Network, prices: dict[str, Reference], held: dict[str, int]
) -> None:
    total = 0
    for symbol, amount in held.items():
        if (unit := written_out(symbol, prices, network)) is not None:
            total += amount * unit[0] // unit[1]
    assert valuation.value(held, prices, network) == total


@given(
    networks(),
    references,
    st.integers(-(2**128), 2**128),
    st.sampled_from((*TOKENS, NATIVE)),
    st.sampled_from((*TOKENS, NATIVE)),
)
def test_a_rate_is_exact_and_a_conversion_rounds_down_once(
    network: Network, prices: dict[str, Reference], amount: int, held: str, wanted: str
) -> None:
    up, down = written_out(held, prices, network), written_out(wanted, prices, network)
    if up is None or down is None:
        assert valuation.rate(held, wanted, prices, network) is None
        assert valuation.convert(amount, held, wanted, prices, network) is None
    else:
        assert valuation.rate(held, wanted, prices, network) == Fraction(up[0] * down[1], up[1] * down[0])
        assert valuation.convert(amount, held, wanted, prices, network) == amount * up[0] * down[1] // (up[1] * down[0])


@pytest.mark.parametrize("answer", [0, -1, -(10**12)])
def test_a_price_that_is_not_positive_is_no_price(answer: int) -> None:
    broken = {"WETH": Reference(answer, 8, 0)}
    assert valuation.unit_value("WETH", broken, fair_market.NETWORK) is None
    assert valuation.unit_value(NATIVE, broken, fair_market.NETWORK) is None
    assert valuation.value({"WETH": 10**18, "USDC": 7, NATIVE: -(10**18)}, broken, fair_market.NETWORK) == 7


@given(st.integers(0, 10**6), st.integers(0, 10**12))
def test_a_gain_is_what_the_balances_change_by_less_the_gas(gas_used: int, got: int) -> None:
    candidate = Candidate(0, HoldAction(""), "")
    tx = TxRequest(fair_market.ROUTER, b"", 0, 10**6)
    simulation = Simulation(candidate, tx, fair_market.ENV, {"USDC": got, NATIVE: 5}, 0, gas_used, (), None)
    changes = {"USDC": got, NATIVE: 5 - gas.paid(simulation)}
    marks = valuation.reference_prices(fair_market.STATE)
    assert valuation.gain(simulation, marks, fair_market.NETWORK) == valuation.value(
        changes, marks, fair_market.NETWORK
    )


def test_a_token_without_a_reference_is_marked_at_its_mid_price() -> None:
    prices = {"WETH": 9.0, "WBTC": 2.5, "OTHER": 0.0}
    state = replace(fair_market.STATE, reference={"WETH": Reference(7, 0, 0)}, prices=prices)
    marks = valuation.reference_prices(state)
    assert marks == {"WETH": Reference(7, 0, 0), "WBTC": Reference(25 * 10**17, 18, state.head.timestamp)}


def test_the_view_for_people_counts_whole_tokens_at_mid_prices() -> None:
    held = {"USDC": 1_500_000, "WETH": 10**17, NATIVE: 2 * 10**18, "WBTC": 10**8}
    prices = {"USDC": 0.99, "WETH": 2000.0}
    assert valuation.positions(held, prices, fair_market.NETWORK) == {
        "USDC": 1.5,  # the quote token is worth itself
        "WETH": 200.0,
        NATIVE: 4000.0,  # as its wrapped token
        "WBTC": 0.0,  # no price
    }
    assert valuation.equity(held, prices, fair_market.NETWORK) == 4201.5
