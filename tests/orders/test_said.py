"""What the operator's words contain: every number with its unit, every duration and every coin."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sentinel.orders.grounding.said import Measure, said

NUMBERS: dict[str, tuple[Measure, str]] = {
    "spend 1,250.50 dollars": (Measure.QUOTE, "1250.50"),
    "$75 please": (Measure.QUOTE, "75"),
    "USDC 90": (Measure.QUOTE, "90"),
    "35 worth of it": (Measure.QUOTE, "35"),
    "2m usdc": (Measure.QUOTE, "2000000"),
    "twenty-five hundred bucks": (Measure.QUOTE, "2500"),
    "2.5k of bitcoin": (Measure.BARE, "2500"),
    "7 grand": (Measure.BARE, "7000"),
    "nineteen hundred": (Measure.BARE, "1900"),
    "eleven thousand two hundred and six": (Measure.BARE, "11206"),
    "61 000": (Measure.BARE, "61000"),
    "4.200": (Measure.BARE, "4200"),
    "7.250.000": (Measure.BARE, "7250000"),
    "1'200,5": (Measure.BARE, "1200.5"),
    "0,5 eth": (Measure.COINS, "0.5"),
    "six of my ether": (Measure.BARE, "6"),
    "six more ether": (Measure.COINS, "6"),
    "half a bitcoin": (Measure.COINS, "0.5"),
    "three quarters of an eth": (Measure.COINS, "0.75"),
    "zero point two btc": (Measure.COINS, "0.2"),
    "40k sats": (Measure.COINS, "0.0004"),
    "a third of my btc": (Measure.RATIO, "0.3333333333333333333333333333"),
    "3/4 of it": (Measure.RATIO, "0.75"),
    "half of the cash": (Measure.RATIO, "0.5"),
    "125 bps": (Measure.RATIO, "0.0125"),
    "one and a half percent": (Measure.RATIO, "0.015"),
    "half a percent": (Measure.RATIO, "0.005"),
    "6 points": (Measure.RATIO, "0.06"),
    "-4.5 %": (Measure.RATIO, "0.045"),
    "25gwei": (Measure.GWEI, "25"),
    "90 min": (Measure.SECONDS, "5400"),
    "1h45m": (Measure.SECONDS, "6300"),
    "two and a half hours": (Measure.SECONDS, "9000"),
    "an hour and a half": (Measure.SECONDS, "5400"),
    "a quarter of an hour": (Measure.SECONDS, "900"),
    "a fortnight": (Measure.SECONDS, "1209600"),
    "15-block": (Measure.BLOCKS, "15"),
    "a dozen tranches": (Measure.COUNT, "12"),
    "2026-12-24 18:00": (Measure.MOMENT, "1798135200"),
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_read_with_its_unit(text: str) -> None:
    """One number, in the measure that its words say."""
    (number,) = said(text).numbers
    assert (number.measure, number.values[0]) == (NUMBERS[text][0], Decimal(NUMBERS[text][1]))
    assert 0 <= number.start < number.end <= len(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("hourly", 3_600),
        ("every day", 86_400),
        ("each week", 604_800),
        ("twice a day", 43_200),
        ("three times per day", 28_800),
        ("once an hour", 3_600),
        ("every other day", 172_800),
        ("every half hour", 1_800),
        ("every 20 minutes", 1_200),
    ],
)
def test_an_interval_is_known_as_one(text: str, seconds: int) -> None:
    """It repeats, so a reading that leaves it out has lost something."""
    (number,) = said(text).numbers
    assert (number.repeated, number.values) == (True, (Decimal(seconds),))


@pytest.mark.parametrize("text", ["v3 pools", "an ERC20", "the 2nd time", "open 24/7", "one of these", "1.2.3"])
def test_digits_that_are_no_amount_are_left_out(text: str) -> None:
    """Names and ordinals. (A time of day is said, and no order has one: test_hostile_words.)"""
    assert not said(text).numbers


def test_marks_before_three_digits_leave_both_values() -> None:
    """Four thousand and two hundred, or a little above four."""
    assert said("4.200").numbers[0].values == (Decimal(4_200), Decimal("4.2"))


def test_weights_are_no_coins() -> None:
    """55/45 ETH/USDC: neither 45 ether nor 45 dollars."""
    assert [number.measure for number in said("55/45 ETH/USDC").numbers] == [Measure.BARE, Measure.BARE]


def test_coins_go_by_all_their_names() -> None:
    """Each with the symbol of the network, and unknown ones too."""
    found = said("swap ether for bitcoin, LINK and some doge, never my cash or ETH's gas; I link here")
    assert [coin.symbol for coin in found.coins] == ["WETH", "WBTC", "LINK", "DOGE", "USDC", "WETH"]
    assert [coin.symbol for coin in said("uni and WETH", ("UNI", "WETH", "USDC")).coins] == ["UNI", "WETH"]
