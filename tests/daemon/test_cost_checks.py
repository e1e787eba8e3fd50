"""doctor's word on the smallest sensible trade, against the largest one of the settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sentinel.chain.endpoints import EndpointPool
from sentinel.config.settings import load
from sentinel.config.terms import Terms
from sentinel.core.network import FeeMarket
from sentinel.core.spent import Spent
from sentinel.core.units import GWEI
from sentinel.daemon.approved_order import read_order
from sentinel.daemon.doctor.cost_checks import judged, trade_size
from sentinel.daemon.doctor.findings import Finding
from sentinel.decide.case import Case
from sentinel.decide.rules_cost import trade_cost
from sentinel.dex.quoting.costs import TRADE_GAS
from sentinel.market import Devnet
from tests.decide.fair_market import HEAD, NETWORK, STATE, USD
from tests.decide.world import newest

GAS = 640 * USD * 3 // 100  # 19.20 USDC


def terms(**given: Any) -> Terms:
    return Terms.of(load(env_file=None, **given), NETWORK)


def found(cost: int = GAS, fee: int = 0, base_fee: int = 20 * GWEI, **given: Any) -> Finding:
    return judged(terms(**given), replace(STATE, head=replace(HEAD, base_fee=base_fee)), cost, fee)


def test_the_smallest_trade_with_its_numbers() -> None:
    """At a limit from there on it is fine; a lower one is a warning that names the setting."""
    parts = "(gas of one swap is 19.20 USDC, the pool takes 0 bps, the cap is 300 bps)"
    what = f"at 23.5 gwei the smallest sensible trade is 640.00 USDC {parts}"
    assert found(limits={"max_trade": 640.0}) == Finding("trade size", "ok", what)
    low = found(limits={"max_trade": 639.0})
    assert (low.grade, low.what.startswith(what)) == ("warn", True)
    assert "SENTINEL_LIMITS__MAX_TRADE=639 is below it" in low.what
    assert "SENTINEL_LIMITS__MAX_COST_BPS" in low.hint


def test_the_pools_fee_leaves_less_for_gas() -> None:
    """5 bps of 300 make it 650.85 USDC; a fee that takes the whole cap leaves no size at all."""
    assert "smallest sensible trade is 650.85 USDC" in found(fee=500).what
    none = found(fee=3000, limits={"max_cost_bps": 30})
    assert (none.grade, "no trade is small or large enough" in none.what) == ("warn", True)


def test_an_order_is_judged_by_its_own_purchases_and_cap() -> None:
    """Sales are exempt."""

    def told(text: str) -> Finding:
        return judged(
            terms(), replace(STATE, head=replace(HEAD, base_fee=20 * GWEI)), GAS, 0, read_order(text, NETWORK)
        )

    low = told("Buy 900 USDC worth of WETH, once. Buy 50 USDC worth of WETH, every 1 hour.")
    assert (low.grade, "the order's purchase=50 is below it" in low.what) == ("warn", True)
    for text in ("Buy 640 USDC worth of WETH, once.", "Sell 50 USDC worth of WETH, once."):
        assert told(text).grade == "ok"
    accepted = told("Buy 50 USDC worth of WETH, every 1 hour. Pay at most 40% of a trade in costs.")
    assert (accepted.grade, "the cap is 4000 bps" in accepted.what) == ("ok", True)


def test_large_numbers_are_written_out() -> None:
    """No exponents where gas costs thousands of gwei or the trade must be of thousands."""
    told = found(cost=100 * USD, base_fee=4000 * GWEI, limits={"max_fee_gwei": 9000.0})
    assert told.what.startswith("at 4,501 gwei the smallest sensible trade is 3,333 USDC")


def test_policy_judges_the_smallest_trade_as_doctor_does() -> None:
    """At the size that doctor names a purchase passes the rule; at a unit less it does not."""
    cost = TRADE_GAS * 235 * 10**8 * 2000 // 10**12  # base units of USDC at 23.5 gwei
    size = float(found(cost=cost, fee=500).what.split("trade is ")[1].split(" ")[0])
    world = newest().but(gas_used=TRADE_GAS)
    (route,) = world.swap.routes
    for amount, passes in ((int((size + 0.01) * USD), True), (int((size - 0.01) * USD), False)):
        swap = replace(world.swap, routes=(replace(route, amount_in=amount),))
        simulation = world.but(action=swap).simulation()
        case = Case(NETWORK, terms().limits, STATE, HEAD, Spent(0, 0), simulation)
        assert trade_cost(case)[0] is passes


async def test_it_is_read_from_the_chain(devnet: Devnet) -> None:
    """On the local market the default trade is large enough and one of 60 USDC is not; what it lacks is named."""
    await devnet.market.step()
    async with EndpointPool((devnet.rpc_url,), devnet.network, timeout=5.0) as rpc:

        async def told(network: Any = devnet.network, **given: Any) -> Finding:
            (finding,) = [one async for one in trade_size(Terms.of(load(env_file=None, **given), network), rpc, None)]
            return finding

        assert (await told()).grade == "ok"
        low = await told(limits={"max_trade": 60.0})
        assert (low.grade, "SENTINEL_LIMITS__MAX_TRADE=60" in low.what) == ("warn", True)
        assert "the pool takes 5 bps, the cap is 300 bps" in low.what
        legacy = await told(replace(devnet.network, fees=FeeMarket.LEGACY))
        assert legacy.what.startswith("at ")
        unpriced = await told(replace(devnet.network, feeds={}))
        assert (unpriced.grade, "no reference price of WETH" in unpriced.what) == ("warn", True)
        unread = await told(replace(devnet.network, multicall3=devnet.network.permit2))
        assert (unread.grade, "smallest sensible trade is unknown" in unread.what) == ("warn", True)
