"""Average cost and high of held coins, from trades, entries and closes."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from sentinel.core.closes import CloseSeries
from sentinel.orders.playing.positions import CoinTrade, Cost, Entry, High, costs, positions, settled_high, unexplained
from sentinel.orders.playing.situation import Position


def bought(time: int, coins: str, paid: str | None, token: str = "WETH") -> CoinTrade:
    return CoinTrade(time, token, Decimal(coins), None if paid is None else Decimal(paid))


def sold(time: int, coins: str, got: str = "1", token: str = "WETH") -> CoinTrade:
    return CoinTrade(time, token, -Decimal(coins), Decimal(got))


def entry(time: int, price: str, coins: str, token: str = "WETH") -> Entry:
    return Entry(time, token, Decimal(price), Decimal(coins))


def test_buys_are_averaged_and_a_sale_leaves_the_average() -> None:
    """One at 1,000 and three at 2,000 cost 1,750 each, after half was sold too."""
    cost = costs([bought(10, "1", "1000"), bought(20, "3", "6000"), sold(30, "2", "9")])["WETH"]
    assert cost == Cost(Decimal(2), Decimal(1750), 10, Decimal(4))


def test_a_position_that_is_sold_is_closed_and_the_next_buy_opens_a_new_one() -> None:
    """Dust that a sale leaves does not carry the old cost on."""
    trades = [bought(10, "4", "4000"), sold(20, "3.9999")]
    assert costs(trades) == {}
    assert costs([*trades, bought(30, "1", "2000")])["WETH"] == Cost(Decimal(1), Decimal(2000), 30, Decimal(1))
    assert costs([bought(10, "4", "4000"), sold(20, "3.99")])["WETH"].quantity == Decimal("0.01")


def test_tokens_and_the_order_of_records_do_not_mix() -> None:
    """By time, not by record: a late receipt settles an earlier trade later."""
    found = costs([sold(20, "1"), bought(10, "1", "5"), bought(5, "2", "8", "WBTC")])
    assert found == {"WBTC": Cost(Decimal(2), Decimal(4), 5, Decimal(2))}


def test_coins_from_elsewhere_have_no_position_until_the_operator_gives_their_cost() -> None:
    """Then the average is weighted, and sales take from both parts alike."""
    trades = [bought(10, "1", "3000")]
    held = {"WETH": Decimal(11)}
    known = costs(trades)
    assert unexplained(known["WETH"], held["WETH"]) == 10
    assert positions(known, held, {}, {}) == {}
    known = costs(trades, [entry(20, "2000", "10")])
    assert unexplained(known["WETH"], held["WETH"]) == 0
    average = Decimal(23000) / 11
    assert positions(known, held, {}, {}) == {"WETH": Position(average, average)}
    half = costs([*trades, sold(30, "5.5")], [entry(20, "2000", "10")])["WETH"]
    assert (half.quantity, half.entry) == (Decimal("5.5"), average)


def test_an_entry_of_no_coins_corrects_the_one_before() -> None:
    """A slip of the operator's; later buys keep their own cost."""
    entries = [entry(10, "200", "10"), entry(30, "2000", "0"), entry(31, "7", "0", "WBTC")]
    cost = costs([bought(20, "10", "10000")], entries)["WETH"]
    assert (cost.entry, cost.quantity, cost.opened_at) == (Decimal(1500), Decimal(20), 10)


def test_coins_that_were_taken_away_or_came_as_dust_leave_the_cost() -> None:
    """Somebody who sends a little cannot take a stop's entry away; nothing held is no position."""
    known = costs([bought(10, "10", "10000")])
    for holding in ("3", "10.05", "11"):
        assert positions(known, {"WETH": Decimal(holding)}, {}, {})["WETH"].entry == 1000
    assert positions(known, {"WETH": Decimal("11.2")}, {}, {}) == {}
    assert positions(known, {"WETH": Decimal(0)}, {}, {}) == positions(known, {}, {}, {}) == {}


def test_coins_that_were_bought_at_an_unknown_price_have_no_cost() -> None:
    """Swapped for a token without a reference price."""
    known = costs([bought(10, "5", None)])
    assert known == {}
    assert unexplained(None, Decimal(5)) == 5


def test_the_high_is_the_highest_close_since_the_position_was_opened() -> None:
    """Closes of before do not count; what was kept counts if it is of this position."""
    known = costs([bought(100, "1", "1000")])
    closes = {"WETH": CloseSeries((90, 100, 110, 120), (5000.0, 1001.0, 1500.25, 1200.0))}
    held = {"WETH": Decimal(1)}

    def high(kept: High | None = None) -> Decimal:
        return positions(known, held, closes, {} if kept is None else {"WETH": kept})["WETH"].high

    assert high() == Decimal("1500.25")
    assert high(High(100, Decimal(1800))) == 1800
    assert high(High(100, Decimal(1100))) == Decimal("1500.25")
    assert high(High(99, Decimal(1800))) == Decimal("1500.25")
    closes = {}
    assert high() == 1000  # nothing recorded since: what it cost


def test_what_is_kept_is_old_enough() -> None:
    """A close that a reorg could still take back is not in it, and nothing is written twice."""
    (cost,) = costs([bought(100, "1", "1000")]).values()
    series = CloseSeries((90, 100, 110, 120), (5000.0, 1001.0, 1500.25, 1700.0))
    assert settled_high(cost, series, None, 99) is None
    assert settled_high(cost, series, None, 110) == High(100, Decimal("1500.25"))
    assert settled_high(cost, series, High(100, Decimal("1500.25")), 110) is None
    assert settled_high(cost, series, High(100, Decimal("1500.25")), 120) == High(100, Decimal(1700))
    assert settled_high(cost, series, High(50, Decimal(9000)), 110) == High(100, Decimal("1500.25"))


@pytest.mark.parametrize("seed", range(40))
def test_random_trades_equal_a_wallet_of_single_coins(seed: int) -> None:
    """The reference keeps a purse: its coins, and what is in it at cost; a sale takes a share of both."""
    rng = random.Random(seed)
    coins = paid = Fraction(0)
    opened, most = None, Fraction(0)
    trades: list[CoinTrade] = []
    entries: list[Entry] = []
    for time in range(1, 60):
        amount, each = Decimal(rng.randint(1, 10**6)).scaleb(-4), Decimal(rng.randint(1, 10**4)).scaleb(-1)
        if rng.random() < 0.45:
            trades.append(sold(time, str(amount)))
            left = coins - Fraction(amount)
            if left <= most / 1000:
                coins, paid, opened, most = Fraction(0), Fraction(0), None, Fraction(0)
            else:
                coins, paid = left, paid * left / coins
        else:
            given = rng.random() < 0.2
            if given:
                entries.append(entry(time, str(each), str(amount)))
            else:
                trades.append(bought(time, str(amount), str(amount * each)))
            coins, paid, opened = coins + Fraction(amount), paid + Fraction(amount * each), opened or time
            most = max(most, coins)
        shuffled = rng.sample(trades, len(trades))
        found = costs(shuffled, rng.sample(entries, len(entries))).get("WETH")
        assert (found is None) == (coins == 0)
        if found is not None:
            assert (found.quantity, found.opened_at) == (Decimal(coins.numerator) / coins.denominator, opened)
            assert abs(Fraction(found.entry) - paid / coins) < Fraction(1, 10**15) * (paid / coins)
