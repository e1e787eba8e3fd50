"""One tolerance for an order's trades: what policy lets through, the signer signs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.config.network_file import load_network
from sentinel.config.settings import load
from sentinel.config.terms import Terms
from sentinel.core.actions import Route, Swap
from sentinel.core.errors import SignerRefused
from sentinel.core.simulation import Simulation
from sentinel.daemon.approved_order import read_order
from sentinel.daemon.in_force import in_force
from sentinel.orders.playing.standing import StandingOrder
from sentinel.orders.playing.trades import Side
from sentinel.signing.order_rules import OrderBounds, OrderTrades, check_order
from sentinel.signing.router_call import PaidRoute, RouterTrade
from sentinel.signing.signer_limits import ORDER_SIZE
from sentinel.signing.trade_rules import answers_of, unit_values
from tests.decide.changes import ordered
from tests.decide.fair_market import DEADLINE, LIMITS, NETWORK, STATE, USD
from tests.decide.plain_calldata import commands_of, execute, leg
from tests.decide.world import FAIR, PAID, World, buying


def refusal(world: World) -> str | None:
    """What policy says."""
    simulation: Simulation = world.simulation()
    _, refusals = world.policy.screen([simulation], world.state, world.spent)
    return refusals[0].detail if refusals else None


def signed(world: World, reading: str) -> bool:
    """Whether the signer's rule on the order lets the trade pass, at the same prices."""
    order, swap = OrderBounds.of(reading, NETWORK), world.swap
    sold, bought = (NETWORK.tokens[symbol].address.lower() for symbol in (swap.token_in, swap.token_out))
    trade = RouterTrade(0, (PaidRoute(sold, swap.amount_in, 3000),), bought, 1, 1)
    values = unit_values(answers_of(STATE.reference, NETWORK), NETWORK)
    try:
        check_order(trade, order, values, LIMITS.price_tolerance_bps, OrderTrades(), None, 0.0)
    except SignerRefused as error:
        if error.rule != ORDER_SIZE:
            raise
        return False
    return True


def selling(got: int = PAID * 997 // 1000) -> World:
    """0.25 WETH, which are worth 500 USDC by the reference, for USDC."""
    swap = Swap((Route((leg("WETH/USDC-v2", "WETH", "USDC"),), FAIR),), got * 995 // 1000, DEADLINE)
    return World(swap, {"WETH": -FAIR, "USDC": got}, FAIR, execute(commands_of(swap)))


@settings(max_examples=40, deadline=None)
@given(st.integers(470_000_000, 520_000_000), st.booleans())
def test_policy_refuses_a_size_exactly_where_the_signer_would(bound: int, sells: bool) -> None:
    """By the reference prices, whatever the pool's price made of the player's amount; and says both numbers."""
    size = Decimal(bound).scaleb(-6)
    verb, world = ("Sell", selling()) if sells else ("Buy", buying())
    sold, bought, amount = ("WETH", "USDC", "0.25") if sells else ("USDC", "WETH", "500")
    side = Side.SELL if sells else Side.BUY
    world = world.but(play=ordered(side, sold, bought, amount), max_trade=size)
    passes = signed(world, f"{verb} {size:,f} USDC worth of WETH.")
    why = refusal(world)
    assert (why is None) is passes
    if why is not None:
        assert f"this puts in 500.00 USDC at the reference price, at most {size:,.2f} USDC and 200 bps" in why


@pytest.mark.parametrize(("size", "passes"), [("494.9", True), ("494.8", False)])
def test_what_the_daemon_builds_holds_trades_to_it(size: str, passes: bool) -> None:
    """The pool says 2,000 and the reference 2,019: 0.25 WETH, 1 % more than the player's, are 504.75 USDC there."""
    worth = Decimal(size)
    order = read_order(f"Sell {worth} USDC worth of WETH.", NETWORK)
    standing = StandingOrder(order, "a1", lambda _: ordered(Side.SELL, "WETH", "USDC", str(worth / 2000)), str)
    terms = Terms.of(load(None, limits={"min_trade": 10}, strategy={"exits": "vote"}), NETWORK)
    trader: Any = None
    policy = in_force(terms, STATE.prices, trader, lambda *_: trader, standing).policy
    reference = {**STATE.reference, "WETH": replace(STATE.reference["WETH"], answer=2019 * 10**8)}
    world = selling(2019 * USD * 997 // 4000).stated(reference=reference)
    _, refusals = policy.screen([world.simulation()], world.state, world.spent)
    assert [refusal.rule for refusal in refusals] == ([] if passes else ["order"])
    recorded = standing.recorded(world.state)
    assert (recorded.max_trade, recorded.amount) == (size, str(worth / 2000))


@pytest.mark.parametrize(("agreement", "slippage", "tolerance"), [(500, 100, 200), (50, 100, 50), (500, 150, 250)])
def test_the_narrower_of_vote_and_signer_holds(agreement: int, slippage: int, tolerance: int) -> None:
    """An amount that the vote takes for the same and the signer refuses would end as an expired intent."""
    given_settings = load(None, vote={"agreement_bps": agreement}, limits={"max_slippage_bps": slippage})
    assert Terms.of(given_settings, load_network("devnet")).order_tolerance_bps == tolerance
