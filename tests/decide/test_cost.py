"""What a trade costs, for each shape of a trade, and which trades may cost more than the limit.

Every world's expected gas price is 23.5 gwei: 20 plus an eighth, and a priority fee of 1. Its 250,000 gas are worth
11.75 USDC, at 2,000 USDC per coin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.actions import Route, Swap
from sentinel.core.market_state import V4State
from sentinel.core.spent import Spent
from sentinel.core.units import GWEI
from sentinel.decide.case import Case
from sentinel.decide.operator_controls import Purpose
from sentinel.decide.policy import APPROVE_RULES, SWAP_RULES, Policy
from sentinel.decide.rules_cost import pool_fees, smallest_trade, trade_cost
from tests.decide import world as w
from tests.decide.fair_market import DEADLINE, NETWORK, STATE, USD
from tests.decide.plain_calldata import WRAP, commands_of, execute, leg
from tests.decide.world import FAIR, PAID, World


def case(world: World, purpose: Purpose | None = None) -> Case:
    return Case(NETWORK, world.limits, world.state, world.head, world.spent, world.simulation(), purpose)


def selling(pool: str = "WETH/USDC-v2") -> World:
    """A quarter WETH, worth 500 USDC, for USDC."""
    got = PAID * 997 // 1000
    swap = Swap((Route((leg(pool, "WETH", "USDC"),), FAIR),), got * 995 // 1000, DEADLINE)
    return World(swap, {"WETH": -FAIR, "USDC": got}, FAIR, execute(commands_of(swap)))


def swapping() -> World:
    """A quarter WETH for WBTC: neither a purchase with the quote token nor a sale into it."""
    swap = Swap((Route((leg("WBTC/WETH-v3-3000", "WETH", "WBTC"),), FAIR),), 992_000, DEADLINE)
    return World(swap, {"WETH": -FAIR, "WBTC": 997_000}, FAIR, execute(commands_of(swap)))


def dear(world: World) -> World:
    """A limit that only trades without pool fees and with little gas keep to."""
    return world.limited(max_cost_bps=234, exits_exempt=False)


# 11.75 of gas, and of 500 USDC: 0.3 %; 0.3 % and of the rest 0.3 %; a fifth at 0.05 % and the rest at 0.3 %; …
FEES: dict[Callable[[], World], Fraction] = {
    w.buying: Fraction(150, 100),
    selling: Fraction(150, 100),
    swapping: Fraction(150, 100),
    w.hopping: Fraction(500 * 5991, 10**6),
    w.splitting: Fraction(125, 100),
    w.newest: Fraction(25, 100),
    w.unwrapping: Fraction(150, 100),
    w.wrapping: Fraction(150, 100),
    w.wrapping_twice: Fraction(875, 1000),
    w.only_wrapping: Fraction(0),
    w.only_unwrapping: Fraction(0),
}


@pytest.mark.parametrize("make", FEES, ids=lambda make: make.__name__)
def test_the_cost_of_each_shape(make: Callable[[], World]) -> None:
    """The fees add up along the way, and a trade passes at exactly its cost. Wraps have gas alone to pay."""
    world, fees = make(), FEES[make]
    assert pool_fees(case(world)) == fees * USD
    exact = (Fraction(1175, 100) + fees) / 500 * 10_000
    bps = -(-exact // 1)  # in whole basis points, rounded up
    assert trade_cost(case(world.limited(max_cost_bps=bps, exits_exempt=False)))[0]
    ok, why = trade_cost(case(world.limited(max_cost_bps=bps - 1, exits_exempt=False)))
    assert not ok
    assert f"are {bps} bps of 500.00 USDC: over {bps - 1} bps (SENTINEL_LIMITS__MAX_COST_BPS)" in why


def test_the_verdict_names_its_numbers() -> None:
    """Gas, fees, their share, the value and the setting, whether it refuses or not."""
    world = w.newest()
    assert trade_cost(case(world)) == (
        True,
        "gas 11.75 and pool fees 0.25 USDC are 240 bps of 500.00 USDC: at most 300 bps (SENTINEL_LIMITS__MAX_COST_BPS)",
    )
    few = Swap((Route(world.swap.routes[0].legs, 60 * USD),), 1, DEADLINE)
    assert trade_cost(case(world.but(action=few))) == (
        False,
        "gas 11.75 and pool fees 0.03 USDC are 1,964 bps of 60.00 USDC: over 300 bps (SENTINEL_LIMITS__MAX_COST_BPS)",
    )


def test_a_closed_cycle_and_an_approval_are_not_judged() -> None:
    """A cycle gains after gas or is refused for that; an approval has no value."""
    for cycle in (w.circling(), w.circling_back()):
        assert trade_cost(case(dear(cycle)))[0]
        assert dear(cycle).refused_finally() == set()
    assert dear(w.approving()).refused_finally() == set()
    assert trade_cost in SWAP_RULES
    assert trade_cost not in APPROVE_RULES


# purpose -> whether a sale passes above the limit where exits are exempt, and where they are not
SALES = {None: (True, False), Purpose.EXIT: (True, False), Purpose.TRADE: (False, False), Purpose.SALE: (True, True)}


@pytest.mark.parametrize("purpose", SALES)
@pytest.mark.parametrize("make", [selling, w.wrapping])
def test_sales_above_the_limit_by_their_purpose(make: Callable[[], World], purpose: Purpose | None) -> None:
    """The operator's sale of everything always; an exit, and a sale of unknown purpose, by the setting."""
    found = tuple(trade_cost(case(make().limited(max_cost_bps=1, exits_exempt=e), purpose))[0] for e in (True, False))
    assert found == SALES[purpose]


@pytest.mark.parametrize("purpose", SALES)
@pytest.mark.parametrize("make", [w.buying, swapping, w.only_wrapping, w.only_unwrapping, w.unwrapping])
def test_no_purpose_exempts_what_is_no_sale(make: Callable[[], World], purpose: Purpose | None) -> None:
    """Purchases, swaps between traded tokens, wraps and unwraps are judged, whatever they are said to be for."""
    assert not trade_cost(case(make().limited(max_cost_bps=1), purpose))[0]


def test_a_sale_that_gains_another_token_is_none() -> None:
    """Judged by what it does to the wallet as well."""
    gains = selling().but(deltas={**selling().deltas, "WBTC": 1}).limited(max_cost_bps=1)
    assert not trade_cost(case(gains, Purpose.SALE))[0]


def test_policy_hands_the_purpose_to_its_rules() -> None:
    """On the screen and in the final check, and to no other policy than the one that was made for it."""
    world = selling().limited(max_cost_bps=1, exits_exempt=False)
    usual = Policy(NETWORK, world.limits)
    flattening = usual.serving(Purpose.SALE)
    for policy, refused in ((usual, ["trade_cost"]), (flattening, [])):
        _, refusals = policy.screen([world.simulation()], world.state, Spent(0, 0))
        assert [refusal.rule for refusal in refusals] == refused
    assert world.refused_finally() == {"trade_cost"}


def test_a_rollups_data_fee_counts_as_gas() -> None:
    """2 USDC for its bytes make 13.75 of the 11.75 for gas."""
    world = w.newest()
    charged = replace(case(world), simulation=replace(world.simulation(), data_fee=10**15))
    assert "gas 13.75 and" in trade_cost(charged)[1]


def test_gas_is_priced_at_the_newest_head_and_never_above_the_offer() -> None:
    """The next block's base fee may be an eighth higher; nobody pays more than the maximum fee."""
    dearer = w.newest().but(head=replace(STATE.head, base_fee=24 * GWEI))
    assert "gas 14.00 and" in trade_cost(case(dearer))[1]
    assert "gas 12.00 and" in trade_cost(case(dearer.offering(max_fee=24 * GWEI)))[1]


def test_a_v4_pools_fee_is_that_of_its_state_and_direction() -> None:
    """The network file's fee lacks the protocol's share, and the two directions may differ."""
    pool = STATE.pools["WETH/USDC-v4-500"]
    assert isinstance(pool, V4State)
    pools = {**STATE.pools, "WETH/USDC-v4-500": replace(pool, fee_up=700, fee_down=600)}
    assert pool_fees(case(w.newest().stated(pools=pools))) == Fraction(30, 100) * USD  # USDC, its token0, goes in
    assert pool_fees(case(selling("WETH/USDC-v4-500").stated(pools=pools))) == Fraction(35, 100) * USD


def unread(world: World) -> World:
    return world.stated(pools={name: pool for name, pool in STATE.pools.items() if name != "WETH/USDC-v4-500"})


def confused(world: World) -> World:
    return world.stated(pools={**STATE.pools, "WETH/USDC-v4-500": STATE.pools["WETH/USDC-v3-500"]})


def absurd(world: World) -> World:
    pool = STATE.pools["WETH/USDC-v4-500"]
    assert isinstance(pool, V4State)
    return world.stated(pools={**STATE.pools, "WETH/USDC-v4-500": replace(pool, fee_down=10**6)})


@pytest.mark.parametrize("spoil", [unread, confused, absurd])
def test_an_unknown_fee_refuses(spoil: Callable[[World], World]) -> None:
    """A V4 pool whose fee was not read, or cannot be one, is not taken for free."""
    assert spoil(w.newest()).limited(max_cost_bps=10_000).refused_finally() >= {"trade_cost"}


def test_what_is_not_listed_or_worth_nothing_refuses() -> None:
    """Neither a pool of no network file nor an input of zero has a cost that could be judged."""
    unknown = Swap((Route((replace(leg("WETH/USDC-v2", "USDC", "WETH"), pool="elsewhere"),), PAID),), 1, DEADLINE)
    nothing = Swap((Route((WRAP,), 0),), 1, DEADLINE)
    for action in (unknown, nothing):
        world = w.buying().but(action=action).limited(max_cost_bps=10_000)
        assert "trade_cost" in world.refused_finally()


@given(st.integers(1, 10**10), st.sampled_from([0, 100, 500, 3000, 10_000]), st.integers(1, 10_000))
def test_the_smallest_trade_is_the_rules_own(gas: int, fee_pips: int, max_cost_bps: int) -> None:
    """At this size gas and fee are exactly the limit; where the fee alone reaches it, there is no such size."""
    size = smallest_trade(gas, fee_pips, max_cost_bps)
    if size is None:
        assert fee_pips >= max_cost_bps * 100
    else:
        assert (gas + size * fee_pips / 10**6) / size == Fraction(max_cost_bps, 10_000)


def test_an_order_accepts_costs_of_its_own() -> None:
    """In place of the limit, whether they are higher or lower, and named so."""
    world = dear(w.buying())
    assert trade_cost(case(world))[0] is False
    for accepted, ok in ((300, True), (265, True), (264, False)):
        verdict, words = trade_cost(replace(case(world), order_cost_bps=accepted))
        assert (verdict, "the order's own limit" in words) == (ok, True), words
