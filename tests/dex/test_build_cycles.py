"""Closed cycles and smaller sizes of a trade: what they cost is in min_out, and what does not pay is not built."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sentinel.core import gas
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import DataFee
from sentinel.dex.quoting.costs import cost_in, expected_gas, expected_size
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.quoting.quotes import quote_swap
from tests.dex.building import BUILD, TWO, cycle_state, state_at


def test_a_cycle_gives_back_its_input_its_gas_and_the_least_profit() -> None:
    """min_out is never less than all three together."""
    state = cycle_state(1_980.0, 2_020.0)
    swap = replace(BUILD, network=TWO).cycle(state, "USDC", "WETH", 1_000, "v2", "v2b")
    legs = swap.routes[0].legs
    cost = cost_in(TWO, state, expected_gas(legs), expected_size(legs), "USDC")
    assert cost is not None
    assert swap.is_cycle
    assert swap.min_out >= 1_000 * 10**6 + cost + 500_000
    assert [leg.token_in for leg in swap.routes[0].legs] == ["USDC", "WETH"]


def test_a_cycle_on_a_rollup_earns_what_its_data_costs_too() -> None:
    """The least output is higher by the data fee of the whole trade; where that is too dear there is no cycle."""
    state, build = cycle_state(1_980.0, 2_020.0), replace(BUILD, network=TWO, slippage_bps=10_000)
    swap = build.cycle(state, "USDC", "WETH", 1_000, "v2", "v2b")
    legs = swap.routes[0].legs
    fee = DataFee(10**14, 16 * 10**14, 10**12, 10**12)
    dear = build.cycle(replace(state, data_fee=fee), "USDC", "WETH", 1_000, "v2", "v2b")
    taken = gas.data_fee(fee, expected_size(legs), expected_gas(legs))
    assert 2 * 10**14 < taken < 3 * 10**14
    assert 0 <= dear.min_out - swap.min_out - taken * 2_000 // 10**12 <= 1
    with pytest.raises(ActionFault, match="does not pay"):
        build.cycle(replace(state, data_fee=DataFee(10**16, 0)), "USDC", "WETH", 1_000, "v2", "v2b")


def test_a_scaled_swap_is_what_would_have_been_built_at_that_amount() -> None:
    """min_out comes of its own quote: more than its part of the larger one's, since a smaller trade moves less."""
    whole = BUILD.swap(state_at(), "WETH", "USDC", 10.0, "v2")
    part = BUILD.scaled(state_at(), whole, 2500)
    assert part == BUILD.swap(state_at(), "WETH", "USDC", 2.5, "v2")
    assert part.min_out * 4 > whole.min_out


def test_a_scaled_split_keeps_its_ways_and_their_shares() -> None:
    """Each route's amount is rounded down by itself; the whole at full size is the whole."""
    state = cycle_state(2_000.0, 2_001.0)
    build = replace(BUILD, network=TWO)
    whole = build.swap(state, "WETH", "USDC", 9.0, ["v2", "v2b"])
    part = build.scaled(state, whole, 3333)
    assert [route.legs for route in part.routes] == [route.legs for route in whole.routes]
    assert [r.amount_in for r in part.routes] == [r.amount_in * 3333 // 10_000 for r in whole.routes]
    assert build.scaled(state, whole, 10_000) == whole


def test_a_scaled_cycle_pays_for_all_of_its_gas_or_is_refused() -> None:
    """Gas and least profit do not shrink with the amount."""
    state = cycle_state(1_980.0, 2_020.0)
    build = replace(BUILD, network=TWO)
    whole = build.cycle(state, "USDC", "WETH", 1_000, "v2", "v2b")
    assert build.scaled(state, whole, 9000) == build.cycle(state, "USDC", "WETH", 900, "v2", "v2b")
    with pytest.raises(ActionFault, match="does not pay"):
        build.scaled(state, whole, 5000)


def test_what_rounds_down_to_nothing_is_no_trade() -> None:
    """Never rounded up to a unit."""
    whole = BUILD.swap(state_at(), "WETH", "USDC", 1.0, "v2")
    crumb = replace(whole, routes=(replace(whole.routes[0], amount_in=9_999),))
    with pytest.raises(ActionFault, match="too small to be scaled"):
        BUILD.scaled(state_at(), crumb, 1)


@pytest.mark.parametrize(
    ("buy", "sell", "reference", "message"),
    [(2_000.0, 2_013.0, 2_000.0, "does not pay"), (1_980.0, 2_020.0, None, "reference")],
)
def test_a_cycle_that_cannot_pay_for_itself_is_refused(
    buy: float, sell: float, reference: float | None, message: str
) -> None:
    """Fees of both pools, gas and the least profit come first; gas must be countable."""
    state = replace(cycle_state(buy, sell), reference=state_at(reference=reference).reference)
    with pytest.raises(ActionFault, match=message):
        replace(BUILD, network=TWO).cycle(state, "USDC", "WETH", 1_000, "v2", "v2b")


def test_a_cycle_over_one_venue_or_one_token_is_refused() -> None:
    """It could only lose."""
    for arguments in (("USDC", "WETH", 5, "v2", "v2"), ("USDC", "USDC", 5, "v2", "v3-500")):
        with pytest.raises(ActionFault):
            BUILD.cycle(state_at(), *arguments)


def test_the_quoter_speaks_whole_tokens_and_labels() -> None:
    """Its numbers are the exact quotes, and a cycle's profit has its gas taken."""
    quoter, state = DexQuoter(TWO), cycle_state(1_980.0, 2_020.0)
    assert quoter.venues(state, "WETH", "USDC") == ("v2", "v2b", "v3-3000", "v3-500", "v4-500")
    assert quoter.quote(state, "WETH", "USDC", 1.0, "v2b") == pytest.approx(2_020 * 0.997, rel=1e-3)
    assert quoter.best_venue(state, "WETH", "USDC", 1.0) == "v2b"
    best = quoter.best_cycle(state, "USDC", "WETH", 1_000.0)
    assert best is not None
    assert (best.buy, best.sell) == ("v2", "v2b")
    swap = replace(BUILD, network=TWO, min_profit=0).cycle(state, "USDC", "WETH", best.amount, best.buy, best.sell)
    legs = swap.routes[0].legs
    cost = cost_in(TWO, state, expected_gas(legs), expected_size(legs), "USDC")
    assert cost is not None
    gain = quote_swap(TWO, state.pools, swap) - swap.amount_in - cost
    assert best.profit == pytest.approx(gain / 10**6, abs=1e-6)
    assert quoter.best_cycle(cycle_state(2_000.0, 2_000.0), "USDC", "WETH", 1_000.0) is None
    with pytest.raises(QuoteError):
        quoter.quote(state, "WETH", "USDC", 1.0, "v3-500")
