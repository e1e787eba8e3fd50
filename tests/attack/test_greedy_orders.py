"""I17, I29: an order that is legal, but wants more than the limits, trades nothing beyond them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sentinel.core.actions import Route, Swap
from sentinel.core.market_state import MarketState
from sentinel.core.spent import Spent
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.observed import OrderFacts, observed
from sentinel.orders.playing.player import Play, play
from sentinel.orders.typed.order import Order
from tests.attack_tally import Tries
from tests.decide.fair_market import DEADLINE, LIMITS, NETWORK, STATE, USD
from tests.decide.plain_calldata import commands_of, execute, leg
from tests.decide.world import World

attack = pytest.mark.attack("order text", "refused")

USDC_RICH = replace(STATE, balances={**STATE.balances, "USDC": 5_000_000 * USD})
WETH_RICH = replace(STATE, balances={**STATE.balances, "WETH": 2_000 * 10**18})
GREEDY = (
    "Buy 1,000,000 USDC worth of WETH, once.",
    "Buy WETH with all of the USDC, once.",
    "Buy 400 WETH, once.",
    "Buy 999,999,999,999 USDC worth of WETH, in 10,000 parts over 10,000 seconds.",
    "Sell all of WETH, once.",
    "Rebalance to 100% WETH when off by more than 1%.",
    "Buy 1,000,000 USDC worth of WETH. Trade at most 999,999 USDC at a time.",
)


def playing(text: str, state: MarketState) -> Play:
    order = parse(text, NETWORK.quote)
    assert isinstance(order, Order), order
    return play(order, observed(state, NETWORK, OrderFacts(state.head.timestamp, {})))


def trading(play: Play, state: MarketState, share: Decimal = Decimal(1)) -> World:
    """A trade of this share of what the player makes, over the deepest pool, as the market would fill it at best."""
    assert play.trade is not None
    sold, bought = play.trade.sold, play.trade.bought
    amount = int((play.trade.amount * share).scaleb(NETWORK.tokens[sold].decimals))
    out = amount * 10**12 // 2000 if sold == "USDC" else amount * 2000 // 10**12
    out = out * 997 // 1000
    swap = Swap((Route((leg("WETH/USDC-v2", sold, bought),), amount),), out * 995 // 1000, DEADLINE)
    world = World(swap, {sold: -amount, bought: out}, amount, execute(commands_of(swap)))
    return world.but(state=state, play=play)


@attack
@pytest.mark.parametrize("text", GREEDY)
def test_a_greedy_order_trades_nothing_beyond_the_limits(text: str, tries: Tries) -> None:
    """Its own trade is refused by a limit, screened and finally. A part within the limits is not what the order says,
    so the order guard refuses that."""
    state = WETH_RICH if text.startswith("Sell") else USDC_RICH
    wanted = playing(text, state)
    if wanted.trade is None:  # more than is held: left out whole
        assert "more" in wanted.why or "only" in wanted.why or "spent" in wanted.why, wanted.why
        tries.refused()
        return
    assert wanted.trade.worth * USD > LIMITS.max_trade
    whole = trading(wanted, state)
    assert whole.refused_on_screen() in ("trade_size", "daily_volume", "daily_loss")  # the pool's fee is a loss
    assert "trade_size" in whole.refused_finally()
    part = trading(wanted, state, Decimal(LIMITS.max_trade) / USD / wanted.trade.worth / 2)
    assert part.refused_on_screen() == "order"
    assert "order" in part.refused_finally()
    tries.refused(2)


@attack
def test_many_small_trades_end_at_the_limit_of_the_day(tries: Tries) -> None:
    """An order without an end is bound by the day's volume and loss as every trade is."""
    within = trading(playing("Buy 500 USDC worth of WETH.", USDC_RICH), USDC_RICH)
    assert within.refused_on_screen() is None
    spent = Spent(0, LIMITS.daily_volume)
    assert within.but(spent=spent).refused_on_screen() == "daily_volume"
    assert within.but(spent=Spent(LIMITS.daily_loss, 0)).refused_on_screen() == "daily_loss"
    tries.refused(2)
