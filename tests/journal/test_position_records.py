"""Positions from the journal's own settlements, the operator's entries and the highs that are kept."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from sentinel.core.actions import Leg, Route, Swap
from sentinel.core.closes import CloseSeries
from sentinel.core.decision import Act
from sentinel.core.errors import JournalError
from sentinel.core.market_state import Reference
from sentinel.core.transaction import Intent, Outcome
from sentinel.journal.journal import Journal
from sentinel.journal.position_records import EVERY, SETTLED
from sentinel.orders.playing.positions import CoinTrade, High
from sentinel.orders.playing.situation import Position
from tests.journal.values import GENESIS, NETWORK, WALLET, act, end, intent, settled, state

T = 1_700_000_100
ETH = 10**18


def swap(token_in: str, token_out: str) -> Act:
    decision = act()
    action = Swap((Route((Leg("a", token_in, token_out, "uniswap_v2"),), 10**8),), 1, 2**31)
    simulation = decision.simulation
    return replace(decision, simulation=replace(simulation, candidate=replace(simulation.candidate, action=action)))


def trade(journal: Journal, decision: Act, realised: dict[str, int], at: int, **how: object) -> Intent:
    wanted = intent(decision)
    journal.accept_order(wanted, state())
    end(journal, replace(settled(wanted), realised=realised, mined_at=at, **how))  # type: ignore[arg-type]
    return wanted


def buy(journal: Journal, coins: int, paid: int, at: int) -> Intent:
    return trade(journal, swap("USDC", "WETH"), {"USDC": -paid * 10**6, "WETH": coins * ETH, "ETH": 5}, at)


def test_cost_is_what_the_wallet_paid_and_gas_is_no_part_of_it(journal: Journal) -> None:
    """From the balance changes around the block, not from what was simulated."""
    buy(journal, 1, 1000, T)
    buy(journal, 3, 6000, T + 12)
    trade(journal, swap("WETH", "USDC"), {"USDC": 9 * 10**9, "WETH": -2 * ETH}, T + 24)
    cost = journal.positions.costs()["WETH"]
    assert (cost.quantity, cost.entry, cost.opened_at) == (Decimal(2), Decimal(1750), T)
    assert journal.positions.trades()[-1] == CoinTrade(T + 24, "WETH", Decimal(-2), Decimal(9000))
    held = {"WETH": Decimal(2), "USDC": Decimal(5)}
    closes = {"WETH": CloseSeries((T, T + 12), (1001.5, 1900.0))}
    (position,) = journal.positions.positions(held, closes).values()
    assert position == Position(Decimal(1750), Decimal(1900))


def test_a_swap_of_coins_for_coins_is_valued_at_what_was_sold(journal: Journal) -> None:
    """At the reference price of the decision; without one the coins have no known cost."""
    network = replace(NETWORK, tokens={**NETWORK.tokens, "WBTC": replace(NETWORK.tokens["WETH"], decimals=8)})
    journal._network = journal.positions._network = network
    trade(journal, swap("WETH", "WBTC"), {"WETH": -2 * ETH, "WBTC": 10**7}, T)
    assert journal.positions.trades() == (
        CoinTrade(T, "WETH", Decimal(-2), Decimal(4000)),
        CoinTrade(T, "WBTC", Decimal("0.1"), Decimal(4000)),
    )
    assert journal.positions.costs()["WBTC"].entry == 40_000
    wanted = intent(swap("WBTC", "WETH"))
    journal.accept_order(wanted, replace(state(), reference={"WETH": Reference(1, 8, 0)}, prices={}))
    end(journal, replace(settled(wanted), realised={"WBTC": -(10**7), "WETH": ETH}, mined_at=T + 1))
    assert [trade.quote for trade in journal.positions.trades()[2:]] == [None, None]
    assert journal.positions.costs() == {}


def test_only_confirmed_swaps_that_could_be_read_count(journal: Journal) -> None:
    """Not a closed cycle, not a revert, and not one whose balances no node could give."""
    trade(journal, swap("USDC", "USDC"), {"USDC": 5}, T)
    trade(journal, swap("USDC", "WETH"), {}, T, unread=True)
    trade(journal, swap("USDC", "WETH"), {"WETH": ETH}, T, outcome=Outcome.REVERTED)
    assert journal.positions.trades() == ()


def test_a_trade_that_a_reorg_takes_away_is_no_cost(journal: Journal) -> None:
    """And comes back at what it then paid."""
    buy(journal, 1, 1000, T)
    second = buy(journal, 1, 3000, T + 12)
    assert journal.positions.costs()["WETH"].entry == 2000
    journal.reopen([second.id], "its block was replaced")
    assert journal.positions.costs()["WETH"].entry == 1000
    end(journal, replace(settled(second), realised={"USDC": -2 * 10**9, "WETH": ETH}, mined_at=T + 24))
    assert journal.positions.costs()["WETH"].entry == 1500


def test_the_operators_entry_is_kept(journal: Journal, path: Path) -> None:
    """Across a restart, for the coins that Sentinel did not buy; what is no price is refused."""
    buy(journal, 1, 3000, T)
    held = {"WETH": Decimal(11)}
    assert journal.positions.positions(held, {}) == {}
    journal.positions.give_entry("WETH", Decimal("2000"), Decimal(10), T + 5)
    for token, price, coins in (("USDC", "1", "1"), ("DOGE", "1", "1"), ("WETH", "0", "1"), ("WETH", "NaN", "1")):
        with pytest.raises(JournalError):
            journal.positions.give_entry(token, Decimal(price), Decimal(coins), T)
    with pytest.raises(JournalError):
        journal.positions.give_entry("WETH", Decimal(1), Decimal(-1), T)
    journal.close()
    again = Journal.open(path, NETWORK, GENESIS, WALLET)
    assert again.positions.positions(held, {})["WETH"].entry == Decimal(23000) / 11
    again.positions.give_entry("WETH", Decimal("1000"), Decimal(0), T + 6)
    assert again.positions.positions(held, {})["WETH"].entry == Decimal(13000) / 11
    again.verify()
    again.close()


def test_a_high_outlives_the_closes_that_it_came_from(journal: Journal, path: Path) -> None:
    """Kept once an hour from closes of two hours ago; a fresh close, which a reorg can take back, is not in it."""
    buy(journal, 1, 1000, T)
    held = {"WETH": Decimal(1)}
    now = T + 3 * 3600
    closes = {"WETH": CloseSeries((T + 60, now - SETTLED, now - 60), (4000.0, 3000.0, 9000.0))}
    journal.positions.keep_highs(closes, now)
    assert journal.positions.highs() == {"WETH": High(T, Decimal(4000))}
    assert journal.positions.positions(held, closes)["WETH"].high == 9000
    orphaned = {"WETH": CloseSeries(closes["WETH"].times[:2], closes["WETH"].prices[:2])}
    assert journal.positions.positions(held, orphaned)["WETH"].high == 4000
    records = journal.verify()
    journal.positions.keep_highs(closes, now + EVERY - 1)
    journal.positions.keep_highs(orphaned, now + EVERY)
    assert journal.verify() == records
    journal.close()
    again = Journal.open(path, NETWORK, GENESIS, WALLET)
    assert again.positions.positions(held, {})["WETH"].high == 4000
    trade(again, swap("WETH", "USDC"), {"USDC": 10**9, "WETH": -ETH}, now)
    buy(again, 1, 1500, now + 60)  # another position: the old high is not its own
    assert again.positions.positions(held, {})["WETH"].high == 1500
    again.verify()
    again.close()


@pytest.mark.parametrize("price", ["1e999999", "1e15", "0.0000000000000000001", "NaN", "-1", "0"])
def test_an_entry_that_no_arithmetic_bears_is_refused(journal: Journal, price: str) -> None:
    """It would stop the daemon at each block and after each restart."""
    with pytest.raises(JournalError):
        journal.positions.give_entry("WETH", Decimal(price), Decimal(20), 10)
    with pytest.raises(JournalError, match="no entry of WETH to correct"):
        journal.positions.give_entry("WETH", Decimal(1600), Decimal(0), 10)
    assert journal.positions.entries() == ()
