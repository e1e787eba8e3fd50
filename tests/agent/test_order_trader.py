"""What the player of an order wants, over the real quoter and builder."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest

from sentinel.agent.order_build import best_gap
from sentinel.agent.order_trader import OrderTrader
from sentinel.core.actions import HoldAction, Proposal, Swap
from sentinel.core.market_state import MarketState, Reference, V2State
from sentinel.core.network import NATIVE, Feed, Pool
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.observed import OrderFacts, held, observed
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.trades import Side, Trade
from sentinel.orders.typed.order import Order
from tests.agent.doubles import ADDRESS, NETWORK, STATE, VIEW

POOLS = {
    "WETH/USDC-v2": Pool("WETH/USDC-v2", "uniswap_v2", ADDRESS, "USDC", "WETH", 3000),
    "WETH/USDC-v2b": Pool("WETH/USDC-v2b", "uniswap_v2", ADDRESS, "USDC", "WETH", 3000),
    "WBTC/USDC-v2": Pool("WBTC/USDC-v2", "uniswap_v2", ADDRESS, "USDC", "WBTC", 3000),
}  # none of WETH against WBTC
NET = replace(NETWORK, pools=POOLS, feeds={coin: Feed(coin, ADDRESS, 8, 3600) for coin in ("WETH", "WBTC")})
MARKET = replace(
    STATE,
    pools={
        "WETH/USDC-v2": V2State(2_000_000 * 10**6, 1_000 * 10**18),
        "WETH/USDC-v2b": V2State(2_060_000 * 10**6, 1_000 * 10**18),  # 3 % dearer
        "WBTC/USDC-v2": V2State(4_000_000 * 10**6, 100 * 10**8),
    },
    reference={**STATE.reference, "WBTC": Reference(40_000 * 10**8, 8, STATE.head.timestamp)},
)
QUOTER = DexQuoter(NET)


def trader(does: Play) -> OrderTrader:
    return OrderTrader(lambda state: does, QUOTER, ActionBuilder(NET))


def played(reading: str, state: MarketState = MARKET) -> Play:
    """What the player makes of an order on this market."""
    order = parse(reading, "USDC")
    assert isinstance(order, Order), order
    facts = OrderFacts(state.head.timestamp, {})
    return play(order, observed(state, NET, facts, lambda coin, size: best_gap(QUOTER, state, "USDC", coin, size)))


async def proposed(reading: str, state: MarketState = MARKET) -> Swap:
    """The only candidate, a swap."""
    does = played(reading, state)
    assert does.trade is not None, does.why
    proposal = await trader(does).propose(state, VIEW, 8)
    assert proposal.discarded == ()
    (candidate,) = proposal.candidates
    assert isinstance(candidate.action, Swap)
    assert (proposal.asked, proposal.source, does.why in candidate.text) == (1, "oracle", True)
    return candidate.action


def with_weth(balance: int) -> MarketState:
    return replace(MARKET, balances={"WETH": balance, "USDC": 4_000 * 10**6, "WBTC": 0, NATIVE: 10**18})


async def test_a_buy_spends_what_the_order_says() -> None:
    """Over the venue that gives most; asked for eight, the player still says one thing."""
    swap = await proposed("Buy 500 USDC worth of WETH, once.")
    assert (swap.token_in, swap.token_out, swap.amount_in) == ("USDC", "WETH", 500 * 10**6)
    assert [[leg.pool for leg in route.legs] for route in swap.routes] == [["WETH/USDC-v2"]]
    assert swap.min_out > 0.24 * 10**18


CHANCE = random.Random(7)
BALANCES = [
    *(10**18 - 1, 10**18 + 1, 3 * 10**18 - 1, 123_456_789_012_345_678, 9_999_999_999_999_999_999, 33 * 10**17 // 7),
    *(10**12 + 1, 2**63, 2**64 - 1),
    *(CHANCE.randrange(10**13, 20 * 10**18) for _ in range(15)),
]  # base units: more digits than a float keeps


@pytest.mark.parametrize("balance", BALANCES)
async def test_all_is_never_more_than_the_balance(balance: int) -> None:
    """A float has 15 digits that can be relied on; what is cut off is dust."""
    swap = await proposed("Sell all of WETH, once.", with_weth(balance))
    assert (swap.token_in, swap.token_out) == ("WETH", "USDC")
    assert balance * (1 - Decimal("1e-14")) - 1 <= swap.amount_in <= balance


async def test_an_exit_that_no_split_can_carry_goes_to_one_venue() -> None:
    """The second venue would pay 3 % less for its part, which the builder refuses: a missed stop would cost more."""
    state = with_weth(18 * 10**18)
    assert len(QUOTER.best_split(state, "WETH", "USDC", 18.0)) == 2
    swap = await proposed("Sell all of WETH, once.", state)
    assert [[leg.pool for leg in route.legs] for route in swap.routes] == [["WETH/USDC-v2b"]]


async def test_dust_that_gives_nothing_is_no_trade() -> None:
    """One wei of WETH counts as none."""
    proposal = await trader(played("Sell all of WETH, once.", with_weth(1))).propose(MARKET, VIEW, 1)
    assert [one.action for one in proposal.candidates] == [HoldAction("no WETH is held")]
    assert proposal.discarded == ()


async def test_coins_without_a_pool_of_their_own_are_swapped_over_another() -> None:
    """In one transaction: WETH to USDC where it is dearest, USDC to WBTC."""
    assert not QUOTER.venues(MARKET, "WETH", "WBTC")
    swap = await proposed("Swap 50% of WETH for WBTC, once.")
    assert (swap.token_in, swap.token_out, swap.amount_in) == ("WETH", "WBTC", 15 * 10**17)
    (route,) = swap.routes
    assert [leg.pool for leg in route.legs] == ["WETH/USDC-v2b", "WBTC/USDC-v2"]


async def test_an_arbitrage_buys_where_it_is_cheap() -> None:
    """A round trip with exactly the input that the order names."""
    swap = await proposed("Arbitrage WETH with 1,500 USDC for at least 2 USDC, once.")
    assert swap.is_cycle
    assert (swap.token_in, swap.amount_in) == ("USDC", 1_500 * 10**6)
    (route,) = swap.routes
    assert [leg.pool for leg in route.legs] == ["WETH/USDC-v2", "WETH/USDC-v2b"]
    assert swap.min_out > swap.amount_in


async def test_an_arbitrage_whose_gap_has_closed_is_no_trade() -> None:
    """The player saw a gap that is not there: no venues to name, so the code fails and nothing is proposed."""
    level = replace(MARKET, pools={**MARKET.pools, "WETH/USDC-v2b": MARKET.pools["WETH/USDC-v2"]})
    amount = Decimal(1_500)
    wanted = Play(Trade(Side.ARBITRAGE, "USDC", "WETH", amount, amount, Decimal(2)), 0, "gap", frozenset())
    proposal = await trader(wanted).propose(level, VIEW, 1)
    assert proposal.candidates == ()


async def test_a_hold_keeps_the_players_full_reason() -> None:
    """Every clause's, with its numbers: longer than what a program's `hold` keeps."""
    reading = (
        "If the price of WETH is below 1,500 USDC, sell all of WETH, once. "
        "If the price of WETH is above 3,000 USDC, sell 50% of WETH, once. "
        "If the gas price is below 1 gwei, buy 100 USDC worth of WETH, every 1 hour."
    )
    does = played(reading)
    assert does.trade is None
    assert len(does.why) > 80
    proposal = await trader(does).propose(MARKET, VIEW, 8)
    (candidate,) = proposal.candidates
    assert candidate.action == HoldAction(does.why)
    assert (proposal.asked, proposal.source, proposal.discarded) == (1, "oracle", ())
    for number in ("2,000.00 USDC", "1,500 USDC", "3,000 USDC", "1 gwei"):
        assert number in does.why


async def test_more_samples_are_the_same_proposal() -> None:
    does = played("Buy 500 USDC worth of WETH, once.")
    one = trader(does)
    proposal: Proposal = await one.propose(MARKET, VIEW, 1)
    assert await one.more(MARKET, VIEW, proposal, 8) == proposal


def test_the_balances_are_the_exact_ones() -> None:
    """Eighteen digits and no float: what `all` means to the player."""
    assert held(with_weth(123_456_789_012_345_678), NET)["WETH"] == Decimal("0.123456789012345678")
