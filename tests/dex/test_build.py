"""From what the model wrote to an Action: min_out is ours, and nothing odd gets through."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.actions import Approve, HoldAction
from sentinel.core.errors import ActionFault
from sentinel.dex.quoting.quotes import quote_swap
from tests.dex.building import BUILD, HEAD, NET, state_at


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
