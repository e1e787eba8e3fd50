"""What the player does at the edges, and how it says why: orders in their reading, situations by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sentinel.core.closes import CloseSeries
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.player import Play, completed, play
from sentinel.orders.playing.situation import Fill, Gap, Position, Situation
from sentinel.orders.playing.trades import Trade
from sentinel.orders.typed.order import Order

NOW = 1_700_000_000  # 2023-11-14 22:13:20 UTC
SITUATION = Situation(
    time=NOW,
    prices={"WETH": Decimal("1482.1"), "WBTC": Decimal(60_000), "USDC": Decimal(1)},
    holdings={"WETH": Decimal(2), "USDC": Decimal(1_000)},
    gas_price=Decimal(25),
    set_at=NOW - 3_600,
)


def read(text: str) -> Order:
    order = parse(text, "USDC")
    assert isinstance(order, Order), order
    return order


def played(text: str, **changes: Any) -> Play:
    return play(read(text), replace(SITUATION, **changes))


def traded(text: str, **changes: Any) -> Trade:
    trade = (play := played(text, **changes)).trade
    assert trade is not None, play.why
    return trade


def fills(*times: int, clause: int = 0) -> tuple[Fill, ...]:
    return tuple(Fill(time, clause) for time in times)


def series(*closes: tuple[int, float]) -> dict[str, CloseSeries]:
    """Closes of WETH, (seconds ago, price), oldest first."""
    return {"WETH": CloseSeries(tuple(NOW - ago for ago, _ in closes), tuple(price for _, price in closes))}


# ------------------------------------------------------------ explanations


@pytest.mark.parametrize(
    ("text", "changes", "why"),
    [
        (
            "If the price of WETH is at most 1,500 USDC, sell 2 WETH.",
            {},
            "the price of WETH (1,482.10 USDC) is at most 1,500 USDC: sell 2 WETH (2,964.20 USDC)",
        ),
        (
            "If the price of WETH is below 1,400 USDC, sell 2 WETH.",
            {},
            "the price of WETH (1,482.10 USDC) is not below 1,400 USDC",
        ),
        ("Buy 100 USDC worth of WETH, every 1 hour.", {"fills": fills(NOW - 2_880)}, "next buy in 12 minutes"),
        ("Sell 1 WETH, in 12 parts over 1 hour.", {"fills": fills(NOW - 250)}, "next sale in 50 seconds"),
        ("Buy 100 USDC worth of WETH, once.", {"fills": fills(NOW - 9)}, "done"),
        ("Buy 100 USDC worth of WETH, 2 times.", {"fills": fills(NOW - 9, NOW - 5)}, "all 2 trades are done"),
        (
            "Buy 100 USDC worth of WETH, until 2023-11-14 22:13 UTC.",
            {},
            "it ended at 2023-11-14 22:13 UTC",
        ),
        ("Sell all of WBTC.", {}, "no WBTC is held"),
        (
            "Buy 100 USDC worth of WETH. Keep 950 USDC.",
            {},
            "50.00 USDC can be spent above the reserve of 950.00, and 100.00 are needed",
        ),
        (
            "If the price of WETH is at most 90% of the entry price of WETH, sell all of WETH.",
            {},
            "the entry price of WETH is not known: `sentinel order entry WETH=PRICE --coins N`",
        ),
        (
            "If the change of WETH over 10 minutes is at least 1%, buy 100 USDC worth of WETH.",
            {"closes": series((700, 1_400.0), (30, 1_480.0))},
            "the price of WETH 10 minutes ago is not known: there is a gap of 100 seconds",
        ),
        (
            "If the change of WETH over 10 minutes is at least 1%, buy 100 USDC worth of WETH.",
            {"closes": series((30, 1_480.0))},
            "the price of WETH 10 minutes ago is not known: closes do not reach back so far",
        ),
        (
            "Buy 100 USDC worth of WETH. Only while the gas price is at most 20 gwei.",
            {},
            "the gas price (25.00 gwei) is not at most 20 gwei; it would buy WETH for 100.00 USDC",
        ),
        (
            "If the price of WETH is above 1,000 USDC, buy 100 USDC worth of WETH, each time this turns true.",
            {"fills": fills(NOW - 60)},
            "the price of WETH (1,482.10 USDC) is above 1,000 USDC, and it has traded on that",
        ),
        (
            "Sell all of WBTC. Buy 100 USDC worth of WETH, every 1 hour.",
            {"fills": fills(NOW - 600, clause=1)},
            "1. no WBTC is held; 2. next buy in 50 minutes",
        ),
        (
            "If the gas price is above 20 gwei, wait. Buy 100 USDC worth of WETH.",
            {},
            "the gas price (25.00 gwei) is above 20 gwei: wait",
        ),
    ],
)
def test_each_decision_says_its_reason_with_numbers(text: str, changes: dict[str, Any], why: str) -> None:
    """In words that the operator can act on."""
    assert played(text, **changes).why == why


# ------------------------------------------------------------ edges


@pytest.mark.parametrize(
    ("op", "below", "exactly", "above"),
    [
        ("below", True, False, False),
        ("at most", True, True, False),
        ("above", False, False, True),
        ("at least", False, True, True),
    ],
)
def test_exactly_at_a_level(op: str, below: bool, exactly: bool, above: bool) -> None:
    """The level itself belongs to 'at most' and 'at least' alone."""
    text = f"If the price of WETH is {op} 1,482.10 USDC, sell all of WETH."
    prices = [Decimal("1482.1") + step * Decimal("1e-18") for step in (-1, 0, 1)]
    found = [played(text, prices={**SITUATION.prices, "WETH": price}).trade is not None for price in prices]
    assert found == [below, exactly, above]


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("Buy 10 USDC worth of WETH, every 1 hour.", 3_600),
        ("Buy 50 USDC worth of WETH, in 12 parts over 1 hour.", 300),
        ("Buy 30 USDC worth of WETH, in 3 parts over 100 seconds.", 34),  # 33 1/3 s
    ],
)
def test_exactly_due(text: str, ago: int) -> None:
    """At the second at which the time has passed, and not one before."""
    assert played(text, fills=fills(NOW - ago)).trade is not None
    assert played(text, fills=fills(NOW - ago + 1)).trade is None


def test_exactly_at_the_end() -> None:
    """The last second belongs to `until` and to `for`; after it the order is complete."""
    for text, end in (
        ("Buy 10 USDC worth of WETH, until 2023-11-14 22:13:20 UTC.", NOW),
        ("Buy 10 USDC worth of WETH, for 90 minutes.", SITUATION.set_at + 5_400),
    ):
        at, late = replace(SITUATION, time=end), replace(SITUATION, time=end + 1)
        assert play(read(text), at).trade is not None
        assert play(read(text), late).trade is None
        assert [completed(read(text), one) for one in (at, late)] == [False, True]


def test_a_cap_is_landed_on_exactly() -> None:
    """Of a day, a share, the reserve, and the smallest trade; one wei beyond is left out whole."""
    wei, total = Decimal("1e-18"), Decimal("2") * Decimal("1482.1") + 1_000
    day = "Buy 100 USDC worth of WETH. Buy at most 300 USDC a day."
    assert traded(day, bought_today=Decimal(200)).worth == 100
    assert played(day, bought_today=Decimal(200) + wei).trade is None
    keep = "Buy 100 USDC worth of WETH. Keep 900 USDC."
    assert traded(keep).worth == 100
    assert played(keep, holdings={"USDC": 1_000 - wei}).trade is None
    share = "Buy 396.42 USDC worth of WBTC. Never hold more than 10% WBTC."
    assert total / 10 == Decimal("396.42")
    assert traded(share).worth == Decimal("396.42")
    assert played(share, holdings={**SITUATION.holdings, "USDC": 1_000 - wei}).trade is None
    assert traded("Sell 50 USDC worth of WETH. Trade at least 50 USDC at a time.").worth == 50
    prices = {"WETH": Decimal(1_936), "USDC": Decimal(1)}  # 50 / 1,936 has no end
    assert traded("Sell 50 USDC worth of WETH. Trade at least 50 USDC at a time.", prices=prices).worth == 50


def test_a_slice_that_waited_moves_the_later_ones() -> None:
    """The second part came ten minutes late: the third is due five minutes after it."""
    text = "Sell 1.2 WETH, in 12 parts over 1 hour."
    late = fills(NOW - 1_300, NOW - 299)
    assert played(text, fills=late).why == "next sale in 1 second"
    assert traded(text, fills=late, time=NOW + 1).amount == Decimal("0.1")


def test_the_parts_of_a_share_are_equal() -> None:
    """One quarter of what was held at first, although less is held each time; after the last one it is complete."""
    order, held, done = read("Sell 50% of WETH, in 4 parts over 4 minutes."), Decimal(2), fills()
    for part in range(4):
        at = replace(SITUATION, time=NOW + 60 * part, fills=done, holdings={"WETH": held})
        assert not completed(order, at)
        trade = play(order, at).trade
        assert trade is not None
        assert trade.amount == Decimal("0.25")
        held, done = held - trade.amount, (*done, Fill(at.time, 0))
    assert completed(order, replace(SITUATION, fills=done))


def test_a_clause_trades_again_once_its_condition_was_false() -> None:
    """Not before, and the first time at once; the price says itself when it is false."""
    text = "If the price of WETH is above 1,000 USDC, sell 1 WETH, each time this turns true."
    assert played(text).trade is not None
    assert played(text, fills=fills(NOW - 60)).trade is None
    assert played(text, fills=fills(NOW - 60), rearmed=frozenset({0})).trade is not None
    low = {**SITUATION.prices, "WETH": Decimal(1_000)}
    assert played(text, prices=low).turned_false == {0}
    assert played(text).turned_false == frozenset()
    assert played(text, prices={"USDC": Decimal(1)}).turned_false == frozenset()  # unknown is not false


def test_an_order_is_complete_when_no_clause_can_trade_again() -> None:
    """Clauses that only wait keep it no longer."""
    order = read("If the gas price is above 20 gwei, wait. Buy 10 USDC worth of WETH, once. Sell 1 WETH, once.")
    both = fills(NOW, clause=1) + fills(NOW, clause=2)
    assert [completed(order, replace(SITUATION, fills=done)) for done in ((), both[:1], both)] == [False, False, True]
    assert not completed(read("Buy 10 USDC worth of WETH."), SITUATION)


# ------------------------------------------------------------ what two players had done differently


STOP = "If the price of WETH is at most 90% of the entry price of WETH, sell all of WETH"
UNKNOWN = "If the gas price is above 50 gwei, wait."


def test_after_an_unknown_clause_only_sales() -> None:
    """Whether a clause or a rebalance sells, and also after a `wait` that cannot be judged."""
    assert played(f"{UNKNOWN} Buy 10 USDC worth of WETH.", gas_price=None).trade is None
    for sale in ("Sell 1 WETH.", "Cut WETH to 10%.", "Rebalance to 10% WETH and 90% USDC when off by more than 5%."):
        assert traded(f"{UNKNOWN} {sale}", gas_price=None).sold == "WETH"
    buys = "Rebalance to 90% WETH and 10% USDC when off by more than 5%."
    assert played(f"{UNKNOWN} {buys}", gas_price=None).trade is None


def test_a_clause_that_could_not_trade_anyway_forbids_nothing() -> None:
    """A stop without coins, or in its pause, has nothing to be judged: the buy after it goes on."""
    buy, cash = "Buy 10 USDC worth of WETH.", {"USDC": Decimal(1_000)}
    assert traded(f"{STOP}. {buy}", holdings=cash).bought == "WETH"
    assert traded(f"Sell all of the largest of WETH/WBTC. {buy}", holdings=cash).bought == "WETH"
    assert traded(f"{STOP}, every 1 hour. {buy}", fills=fills(NOW - 60)).bought == "WETH"
    assert played(f"{STOP}. {buy}").trade is None  # it is held, and its entry is not known
    known = {"WETH": Position(Decimal(1_500), Decimal(1_500))}
    assert traded(f"{STOP}. {buy}", positions=known).bought == "WETH"


def test_a_trade_is_cut_down_before_it_is_said_not_to_fit() -> None:
    """A buy of 5,000 in trades of 300 fits 1,000, and an arbitrage earns what the smaller one earns."""
    assert traded("Buy 5,000 USDC worth of WETH. Trade at most 300 USDC at a time.").amount == 300
    trip = "Arbitrage WETH with 500 USDC for at least 2%. Trade at most 100 USDC at a time."
    trade = traded(trip, gap=lambda coin, amount: Gap(amount, amount / 50))
    assert (trade.amount, trade.min_profit) == (Decimal(100), Decimal(2))
    assert played(trip, gap=lambda coin, amount: Gap(amount, amount / 50 - 1)).trade is None


def test_a_swap_keeps_to_the_largest_share() -> None:
    """It is never held more, however it came."""
    text = "Swap 1 WETH for WBTC. Never hold more than {}% WBTC."
    assert traded(text.format(38)).bought == "WBTC"
    assert played(text.format(37)).why == "WBTC would be more than 37% of everything held"


def test_a_rebalance_gets_on() -> None:
    """It spends what it can, sells first what pays for the rest, and trades nothing at its edge."""
    half = "Rebalance to 50% WETH and 50% WBTC when off by more than 1%."
    prices = {"WETH": Decimal(1_000), "WBTC": Decimal(1_000), "USDC": Decimal(1)}
    one = traded(half, prices=prices, holdings={"WBTC": Decimal(2)})
    assert (one.sold, one.bought, one.amount) == ("WBTC", "USDC", Decimal(1))
    two = traded(half, prices=prices, holdings={"WBTC": Decimal(1), "USDC": Decimal(1_000)})
    assert (two.sold, two.bought, two.amount) == ("USDC", "WETH", Decimal(1_000))
    kept = traded(f"{half} Keep 400 USDC.", prices=prices, holdings={"WBTC": Decimal(1), "USDC": Decimal(1_000)})
    assert kept.amount == 600
    edge = "Rebalance to the edge of 50% WETH and 50% USDC when off by at least 10%."
    at_edge = {"WETH": Decimal("0.6"), "USDC": Decimal(400)}
    assert played(edge, prices=prices, holdings=at_edge).why == "nothing is left to trade"
    alone = "Rebalance to 50% WETH and 50% WBTC alone when off by more than 1%."
    pair = traded(alone, prices=prices, holdings={"WETH": Decimal(3), "WBTC": Decimal(1), "USDC": Decimal(1)})
    assert (pair.sold, pair.bought, pair.amount) == ("WETH", "WBTC", Decimal(1))
