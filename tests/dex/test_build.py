"""From what the model wrote to an Action: min_out is ours, and nothing odd gets through."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.config.network_file import load_network
from sentinel.core import gas
from sentinel.core.actions import Approve, HoldAction
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import DataFee, Head, MarketState, Reference, V2State
from sentinel.core.network import HexHash
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.costs import cost_in, expected_gas, expected_size
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.quoting.quotes import quote_swap

NET = load_network("devnet")
ADDRESS = "0x" + "00" * 20
HASH = "0x" + "00" * 32
HEAD = Head(7, HexHash(HASH), HexHash(HASH), 1_700_000_000, 20 * 10**9, 30_000_000, ADDRESS, HASH)


def reserves(price: float) -> V2State:
    """A deep WETH/USDC pair (USDC is token0) at this price."""
    return V2State(int(price * 5_000 * 10**6), 5_000 * 10**18)


def state_at(price: float = 2_000.0, *, reference: float | None = 2_000.0) -> MarketState:
    return MarketState(
        head=HEAD,
        wallet=ADDRESS,
        balances={"ETH": 10**18, "WETH": 10 * 10**18, "USDC": 20_000 * 10**6, "WBTC": 0},
        pools={"WETH/USDC-v2": reserves(price)},
        prices={"WETH": price, "USDC": 1.0},
        reference={} if reference is None else {"WETH": Reference(int(reference * 10**8), 8, HEAD.timestamp)},
        history={},
        nonce=0,
        permit_nonces={},
        allowances={},
        priority_fee=10**9,
    )


BUILD = ActionBuilder(NET, slippage_bps=50, deadline_s=120, min_profit=500_000, max_approval={"USDC": 10**9})


def test_min_out_is_the_quote_less_slippage_where_the_pool_is_fair() -> None:
    """And the deadline counts from the head."""
    swap = BUILD.swap(state_at(), "WETH", "USDC", 1.5, "v2")
    quoted = quote_swap(NET, state_at().pools, swap)
    assert swap.min_out == quoted * 9950 // 10_000
    assert swap.amount_in == 15 * 10**17
    assert swap.deadline == HEAD.timestamp + 120


def test_min_out_never_falls_below_the_reference_less_fee_and_one_percent() -> None:
    """A pool that pays 0.8 % too little is still taken, but min_out holds on to the reference."""
    state = state_at(price=1_984.0)
    swap = BUILD.swap(state, "WETH", "USDC", 1.0, "v2")
    assert swap.min_out == math.ceil(2_000 * 10**6 * (1 - 0.003 - 0.01))
    assert swap.min_out > quote_swap(NET, state.pools, swap) * 9950 // 10_000


def test_a_pool_too_far_below_the_reference_is_refused() -> None:
    """Its output could never reach min_out."""
    with pytest.raises(ActionFault, match="reference"):
        BUILD.swap(state_at(price=1_960.0), "WETH", "USDC", 1.0, "v2")


def test_without_a_reference_the_own_quote_alone_counts() -> None:
    """Policy refuses such trades later; the builder need not."""
    swap = BUILD.swap(state_at(price=1_500.0, reference=None), "WETH", "USDC", 1.0, "v2")
    assert swap.min_out > 0


def cycle_state(buy: float, sell: float) -> MarketState:
    """Two pools that are far apart. The second one is a V3 pool by name, a V2 pair by its arithmetic."""
    return replace(state_at(), pools={"WETH/USDC-v2": reserves(buy), "WETH/USDC-v2b": reserves(sell)})


TWO = replace(
    NET, pools={**NET.pools, "WETH/USDC-v2b": replace(NET.pools["WETH/USDC-v2"], name="WETH/USDC-v2b", address=ADDRESS)}
)


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


HOSTILE: list[Any] = [
    float("nan"), float("inf"), -float("inf"), 1e400, -1, 0, 0.0, True, False, None, "", "NaN", "1e5", "\uff11\uff12",
    "-5", 10**60, 10**5_000, 1e300, 5e-324, "9" * 41, b"1", [1], {}, 1j, object(), "0x10", " 1", "1_000",
]  # fmt: skip


@pytest.mark.parametrize("amount", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_amount_is_refused(amount: Any) -> None:
    """NaN, infinities, booleans, other types, absurd sizes and amounts that round to nothing."""
    with pytest.raises(ActionFault):
        BUILD.swap(state_at(), "WETH", "USDC", amount, "v2")


@pytest.mark.parametrize("token", ["W\u0415TH", "weth", "ETH", "", "WETH ", None, 5, ["WETH"], "0x" + "11" * 20])
def test_an_unknown_token_is_refused(token: Any) -> None:
    """Look-alike letters included (the first one has a Cyrillic E)."""
    for a, b in ((token, "USDC"), ("USDC", token)):
        with pytest.raises(ActionFault):
            BUILD.swap(state_at(), a, b, 1.0, "v2")


@pytest.mark.parametrize("venue", ["v9", "", None, 3, "V2", "WETH/USDC-v2", [["v2"]], ["v2", "v9"], "v3"])
def test_an_unknown_venue_is_refused(venue: Any) -> None:
    """Only the labels of the pools that trade the two tokens are known."""
    with pytest.raises(ActionFault, match="v3-500"):
        BUILD.swap(state_at(), "WETH", "USDC", 1.0, venue)


def test_more_than_the_wallet_holds_is_refused() -> None:
    """To the unit: all of it may be sold, one unit more may not."""
    assert BUILD.swap(state_at(), "WETH", "USDC", "10", "v2").amount_in == 10 * 10**18
    with pytest.raises(ActionFault, match="hold"):
        BUILD.swap(state_at(), "WETH", "USDC", "10.000000000000000001", "v2")


def test_a_cycle_over_one_venue_or_one_token_is_refused() -> None:
    """It could only lose."""
    for arguments in (("USDC", "WETH", 5, "v2", "v2"), ("USDC", "USDC", 5, "v2", "v3-500")):
        with pytest.raises(ActionFault):
            BUILD.cycle(state_at(), *arguments)


@pytest.mark.parametrize(
    ("tokens", "venues"),
    [
        (["USDC", "ETH"], ["unwrap"]),
        (["ETH", "WETH"], ["unwrap"]),
        (["USDC", "WETH", "ETH", "USDC"], ["v2", "unwrap", "v3-500"]),
        (["WETH", "USDC", "ETH"], ["v2", "unwrap"]),
        (["USDC", "WETH", "ETH"], ["unwrap", "v2"]),
        (["USDC", "WETH", "USDC"], ["v2", "unwrap"]),
        (["USDC", "ETH"], ["v2"]),
        (["USDC", "WETH", "ETH"], ["v2", "v3-500"]),
        (["USDC", "WETH", "ETH", "ETH"], ["v2", "unwrap", "unwrap"]),
        (["USDC", "WETH"], [["v2"]]),
    ],
)
def test_unwrapping_comes_last_or_not_at_all(tokens: Any, venues: Any) -> None:
    """Only a route that ends with wrapped coin may go on to the native one; nothing comes after it."""
    with pytest.raises(ActionFault):
        BUILD.route(state_at(), tokens, 100, venues)
    swap = BUILD.route(state_at(), ["USDC", "WETH", "ETH"], 100, ["v2", "unwrap"])
    assert (swap.token_out, len(swap.routes[0].legs)) == ("ETH", 2)
    assert swap.min_out == BUILD.route(state_at(), ["USDC", "WETH"], 100, ["v2"]).min_out


@pytest.mark.parametrize(
    ("tokens", "venues"),
    [
        (["WETH", "ETH"], ["wrap"]),
        (["ETH", "USDC"], ["wrap"]),
        (["ETH", "USDC"], ["v2"]),
        (["ETH", "WETH", "USDC"], ["v2", "wrap"]),
        (["USDC", "ETH", "WETH"], ["v2", "wrap"]),
        (["ETH", "WETH", "ETH", "WETH"], ["wrap", "unwrap", "wrap"]),
        (["WETH", "WETH"], ["wrap"]),
        (["ETH", "WETH", "ETH"], ["wrap", "unwrap"]),
        (["ETH", "WETH", "USDC", "WETH", "ETH"], ["wrap", "v2", "v3-500", "unwrap"]),
        (["ETH", "WETH", "USDC", "WETH"], ["wrap", "v2", "v3-500"]),
        (["WETH", "USDC", "WETH", "ETH"], ["v2", "v3-500", "unwrap"]),
        (["ETH", "WETH"], [["wrap"]]),
        (["ETH", ["WETH"]], ["wrap"]),
    ],
)
def test_wrapping_comes_first_or_not_at_all(tokens: Any, venues: Any) -> None:
    """And what begins with native coin, or its wrapped token, does not come back to either."""
    with pytest.raises(ActionFault):
        BUILD.route(state_at(), tokens, 0.1, venues)


def test_native_coin_is_sold_as_its_wrapped_token_is() -> None:
    """The same least output; wrapping or unwrapping alone gives exactly what is put in."""
    swap = BUILD.route(state_at(), ["ETH", "WETH", "USDC"], 0.5, ["wrap", "v2"])
    assert (swap.token_in, swap.token_out, swap.value) == ("ETH", "USDC", 5 * 10**17)
    assert swap.min_out == BUILD.swap(state_at(), "WETH", "USDC", 0.5, "v2").min_out
    for tokens, venue in ((["ETH", "WETH"], "wrap"), (["WETH", "ETH"], "unwrap")):
        alone = BUILD.route(state_at(), tokens, 0.5, [venue])
        assert (alone.min_out, alone.token_out) == (5 * 10**17, tokens[1])
    assert BUILD.route(state_at(), ["WETH", "ETH"], 10, ["unwrap"]).value == 0


def test_native_coin_that_pays_for_the_gas_is_not_sold() -> None:
    """Of 1 ETH, what a fifth more than the expected gas costs at the offered fee stays."""
    legs = BUILD.route(state_at(), ["ETH", "WETH", "USDC"], 0.5, ["wrap", "v2"]).routes[0].legs
    most = 10**18 - expected_gas(legs) * 6 // 5 * 41 * 10**9
    text = f"{most / 10**18:.18f}"[:10]
    assert BUILD.route(state_at(), ["ETH", "WETH", "USDC"], text, ["wrap", "v2"]).amount_in <= most
    with pytest.raises(ActionFault, match="beside its gas"):
        BUILD.route(state_at(), ["ETH", "WETH", "USDC"], str((most + 1) / 10**18 + 10**-8), ["wrap", "v2"])


def test_an_approval_stays_below_its_cap() -> None:
    """0 revokes, tokens without a cap cannot be approved."""
    assert BUILD.approve(state_at(), "USDC", 1_000) == Approve("USDC", "permit2", 10**9, HEAD.timestamp + 120)
    assert BUILD.approve(state_at(), "USDC", 0).amount == 0
    for token, amount in (("USDC", 1_000.000001), ("WETH", 1), ("USDC", math.nan)):
        with pytest.raises(ActionFault):
            BUILD.approve(state_at(), token, amount)


def test_a_hold_keeps_a_short_printable_reason() -> None:
    """Whatever the model wrote there."""
    assert BUILD.hold("wait\x1b[2J\n\u202e" + "x" * 500) == HoldAction("wait[2J" + "x" * 73)
    with pytest.raises(ActionFault):
        BUILD.hold(5)


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(["WETH", "USDC", "v2"])
)


@given(anything, anything, anything, anything)
def test_nothing_but_an_action_fault_comes_out_of_the_builder(a: Any, b: Any, amount: Any, venue: Any) -> None:
    """Whatever the arguments are: an Action, or ActionFault."""
    state = state_at()
    for attempt in (
        lambda: BUILD.swap(state, a, b, amount, venue),
        lambda: BUILD.cycle(state, a, b, amount, venue, "v2"),
        lambda: BUILD.approve(state, a, amount),
        lambda: BUILD.hold(a),
    ):
        try:
            attempt()
        except ActionFault as fault:
            said = str(fault)
        else:
            said = "built"
        assert 0 < len(said) < 160


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
