"""The signer's rules on an order: each bound to its edge, what counts, and what cannot be an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.config.network_file import load_network
from sentinel.core.errors import SettingsError, SignerRefused
from sentinel.core.network import NATIVE
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.envelope import order_hash
from sentinel.orders.typed.order import Order
from sentinel.signing.order_rules import OrderBounds, OrderTrades, check_order
from sentinel.signing.router_call import PaidRoute, RouterTrade
from sentinel.signing.signer_limits import DAY_RULES
from sentinel.signing.trade_rules import MARKET_RULES, unit_values

NETWORK = load_network("devnet")
USDC, WETH, WBTC = (NETWORK.tokens[symbol].address.lower() for symbol in ("USDC", "WETH", "WBTC"))
VALUES = unit_values({WETH: 2000 * 10**8, WBTC: 50_000 * 10**8}, NETWORK)
DOLLAR, COIN = 10**6, 10**18
NOW = 1_000_000.0
DCA = "Buy 100 USDC worth of WETH, every 1 hour. Keep 500 USDC. Buy at most 300 USDC a day."


def bounds(text: str = DCA) -> OrderBounds:
    return OrderBounds.of(text, NETWORK)


def trade(*sold: tuple[str, int], bought: str = WETH) -> RouterTrade:
    return RouterTrade(0, tuple(PaidRoute(token, amount, 3000) for token, amount in sold), bought, 1, 1)


def rule(one: RouterTrade, order: OrderBounds, **changes: Any) -> str | None:
    """The rule that refuses, None if the order permits the trade."""
    case: dict[str, Any] = {"values": VALUES, "tolerance_bps": 200, "before": OrderTrades(), "held": None, "now": NOW}
    try:
        check_order(one, order, **{**case, **changes})
    except SignerRefused as error:
        return error.rule if order.hash[:8] in str(error) else f"{error} names no order"
    return None


def test_the_bounds_are_the_readings_own() -> None:
    """In base units and by address; the gap is one block shorter; the hash is what is approved."""
    order = parse(DCA, "USDC")
    assert isinstance(order, Order)
    block = int(NETWORK.block_time)
    assert bounds() == OrderBounds(
        *(order_hash(order), DCA, USDC, frozenset({(USDC, WETH)})),
        *(100 * DOLLAR, 300 * DOLLAR, 3600 - block, 500 * DOLLAR),
    )
    assert bounds("Buy 0.5 WETH, once.").max_trade is None
    assert bounds("Buy 100.0000019 USDC worth of WETH. Keep 0.0000011 USDC.").max_trade == 100_000_001
    assert bounds("Buy 1 USDC worth of WETH. Keep 0.0000011 USDC.").reserve == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("buy the dip", "is no reading"),
        ("", "is no reading"),
        ("Ask: which coin?", "asks or refuses"),
        ("Refuse: leverage", "asks or refuses"),
        ("Buy 100 USDC worth of DOGE.", "has no DOGE"),
    ],
)
def test_what_is_no_order_of_this_network(text: str, why: str) -> None:
    """Is refused with its reason."""
    with pytest.raises(SettingsError, match=why):
        bounds(text)


def test_the_native_coin_is_the_token_that_wraps_it() -> None:
    """The signer sees the wrapped token at either end of a route."""
    order = parse("Buy 100 USDC worth of WETH.", "USDC")
    assert isinstance(order, Order)
    native = OrderBounds.of(f"Buy 100 USDC worth of {NATIVE}.", NETWORK)
    assert native.pairs == frozenset({(USDC, WETH)})


def test_tokens_and_sides() -> None:
    """The order's pairs alone, each route on its own; a wrap is none."""
    dca = bounds()
    assert rule(trade((USDC, DOLLAR)), dca) is None
    for other in (
        trade((WETH, COIN // 1000), bought=USDC),
        trade((USDC, DOLLAR), bought=WBTC),
        trade((WETH, 1)),
        trade((USDC, DOLLAR), (WBTC, 1)),
        trade((USDC, DOLLAR), bought=USDC),
    ):
        assert rule(other, dca) == "order"
    circle = bounds("Arbitrage WETH with 500 USDC for at least 2 USDC.")
    assert rule(trade((USDC, 500 * DOLLAR), bought=USDC), circle, values=unit_values({}, NETWORK)) is None
    assert rule(trade((USDC, DOLLAR)), circle) == "order"
    assert rule(trade((USDC, DOLLAR)), bounds("Wait.")) == "order"


def test_the_largest_trade_by_the_signers_prices() -> None:
    """To the unit, over all routes, with the tolerance of prices; without a price nothing passes."""
    dca = bounds()
    assert rule(trade((USDC, 50 * DOLLAR), (USDC, 52 * DOLLAR)), dca) is None
    assert rule(trade((USDC, 50 * DOLLAR), (USDC, 52 * DOLLAR + 1)), dca) == "order_size"
    sale = bounds("Sell 100 USDC worth of WETH.")
    most = 102 * COIN // 2000
    assert rule(trade((WETH, most), bought=USDC), sale) is None
    assert rule(trade((WETH, most + COIN), bought=USDC), sale) == "order_size"
    assert rule(trade((WETH, 1), bought=USDC), sale, values={USDC: VALUES[USDC]}) == "order"
    assert rule(trade((WETH, 10**30), bought=USDC), bounds("Sell all of WETH."), values={}) is None


def test_what_is_bought_in_a_day() -> None:
    """Exact, and of purchases alone; a sale or a circle counts nothing. It is a day's limit, so it does not halt."""
    day = bounds(
        "Buy 1 WETH. Sell 1 WETH. Arbitrage WETH with 500 USDC for at least 2 USDC. Buy at most 300 USDC a day."
    )
    used = OrderTrades(bought=200 * DOLLAR)
    assert rule(trade((USDC, 100 * DOLLAR)), day, before=used) is None
    assert rule(trade((USDC, 100 * DOLLAR + 1)), day, before=used) == "order_day"
    assert "order_day" in DAY_RULES
    full = OrderTrades(bought=10**12)
    assert rule(trade((WETH, COIN), bought=USDC), day, before=full) is None
    assert rule(trade((USDC, 500 * DOLLAR), bought=USDC), day, before=full) is None
    assert day.bought_by(trade((WETH, COIN), bought=USDC)) == day.bought_by(trade((USDC, 5), bought=USDC)) == 0


def test_the_time_between_two_trades() -> None:
    """The order's, less a block; a clock that was set back waits. It passes by itself, so it does not halt."""
    dca = bounds()
    for ago, refusal in ((dca.min_gap, None), (dca.min_gap - 1, "order_gap"), (0, "order_gap"), (-5, "order_gap")):
        assert rule(trade((USDC, 1)), dca, before=OrderTrades(last=NOW - ago)) == refusal
    assert rule(trade((USDC, 1)), bounds("Buy 5 USDC worth of WETH."), before=OrderTrades(last=NOW + 5)) is None
    assert "order_gap" in MARKET_RULES


def test_the_reserve_stays_where_the_balance_is_known() -> None:
    """Purchases and circles leave it; a sale does not touch it."""
    dca = bounds()
    assert rule(trade((USDC, 100 * DOLLAR)), dca, held=600 * DOLLAR) is None
    assert rule(trade((USDC, 100 * DOLLAR)), dca, held=600 * DOLLAR - 1) == "order_reserve"
    assert rule(trade((USDC, 100 * DOLLAR)), dca, held=None) is None
    assert rule(trade((WETH, COIN), bought=USDC), bounds("Sell all of WETH. Keep 500 USDC."), held=0) is None
    assert "order_reserve" in MARKET_RULES


def test_tokens_and_size_halt() -> None:
    """Policy holds a trade to the same order, so such a refusal means that the two orders, or their readers, differ."""
    assert "order" not in DAY_RULES | MARKET_RULES


AMOUNTS = st.integers(1, 10**9)


@given(st.lists(st.tuples(st.sampled_from([USDC, WETH, WBTC]), AMOUNTS), min_size=1, max_size=3), st.data())
def test_what_passes_is_inside(routes: list[tuple[str, int]], data: st.DataObject) -> None:
    """Whatever is tried: a trade that passes breaks none of the bounds."""
    bought = data.draw(st.sampled_from([USDC, WETH, WBTC]))
    before = OrderTrades(data.draw(st.integers(0, 400 * DOLLAR)), data.draw(st.none() | st.floats(NOW - 4000, NOW)))
    held = data.draw(st.none() | st.integers(0, 10**9))
    order, one = bounds(), trade(*routes, bought=bought)
    if rule(one, order, before=before, held=held) is not None:
        return
    spent: Mapping[str, int] = one.taken
    assert set(spent) == {USDC}
    assert bought == WETH
    assert spent[USDC] <= 102 * DOLLAR
    assert before.bought + spent[USDC] <= 300 * DOLLAR
    assert before.last is None or NOW - before.last >= order.min_gap
    assert held is None or held - spent[USDC] >= 500 * DOLLAR
    assert rule(one, replace(order, pairs=frozenset())) == "order"
