"""The signer's own judgement of a price: its edge, what needs no price, and what a trade may lose."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from sentinel.config.network_file import load_network
from sentinel.core.errors import SignerRefused
from sentinel.core.market_state import Reference
from sentinel.signing.router_call import V2, V3, V4, PaidRoute, RouterTrade
from sentinel.signing.signer_limits import listed_pools
from sentinel.signing.trade_rules import answers_of, check_balance, check_price, priced_tokens, unit_values

NETWORK = load_network("devnet")
USDC, WETH, WBTC = (NETWORK.tokens[symbol].address.lower() for symbol in ("USDC", "WETH", "WBTC"))
ANSWERS = {WETH: 2000 * 10**8, WBTC: 50_000 * 10**8}
VALUES = unit_values(ANSWERS, NETWORK)
DOLLAR = 10**6
SOLD = 1000 * DOLLAR
FAIR = 10**18 // 2  # WETH for SOLD
TOLERANCE = 200  # bps


def trade(*routes: PaidRoute, bought: str = WETH, min_out: int = FAIR, min_balance: int | None = FAIR) -> RouterTrade:
    return RouterTrade(0, routes or (PaidRoute(USDC, SOLD, 3000),), bought, min_out, min_balance)


def refused(one: RouterTrade) -> bool:
    try:
        check_price(one, VALUES, TOLERANCE)
    except SignerRefused as error:
        return error.rule == "price"
    return False


def test_values_follow_the_feeds_and_decimals() -> None:
    """Base units of the quote token; a token without a positive answer has no value."""
    assert {USDC: 1, WETH: Fraction(2000, 10**12), WBTC: Fraction(500)} == VALUES
    assert WETH not in unit_values({WBTC: 1, WETH: 0}, NETWORK)
    prices = {"WETH": Reference(7, 8, 0), "WBTC": Reference(-1, 8, 0), "DOGE": Reference(5, 8, 0)}
    assert answers_of(prices, NETWORK) == {WETH: 7}


@pytest.mark.parametrize(
    ("routes", "least"),
    [
        ((PaidRoute(USDC, SOLD, 3000),), FAIR * 977 // 1000),
        ((PaidRoute(USDC, SOLD, 500),), FAIR * 9795 // 10_000),
        ((PaidRoute(USDC, SOLD // 2, 500), PaidRoute(USDC, SOLD // 2, 3000)), FAIR * 97825 // 100_000),
        ((PaidRoute(WBTC, 2 * 10**6, 3500),), FAIR * 9765 // 10_000),
    ],
)
def test_the_edge_is_the_pools_fees_and_the_tolerance(routes: tuple[PaidRoute, ...], least: int) -> None:
    """To the unit, over all routes together."""
    assert not refused(trade(*routes, min_out=least))
    assert refused(trade(*routes, min_out=least - 1))
    assert refused(trade(*routes, min_out=1))


def test_what_returns_as_what_it_was_needs_no_price() -> None:
    """A circle, a wrapping or an unwrapping returns at least its input, and loses nothing."""
    circle = trade(PaidRoute(WETH, FAIR, 3500))
    assert check_price(circle, {}, TOLERANCE) == 0
    assert priced_tokens(circle) == set()
    with pytest.raises(SignerRefused):
        check_price(replace(circle, min_out=FAIR - 1), {}, TOLERANCE)


def test_without_a_price_nothing_passes() -> None:
    """Of the sold token or of the bought one."""
    for missing in (WETH, USDC):
        with pytest.raises(SignerRefused, match="no reference price"):
            check_price(trade(), {token: value for token, value in VALUES.items() if token != missing}, TOLERANCE)


def test_a_possible_loss_is_the_inputs_value_less_the_minimums() -> None:
    """In base units of the quote token, rounded up; a minimum above the input's value loses nothing."""
    assert check_price(trade(min_out=FAIR * 98 // 100), VALUES, TOLERANCE) == 20 * DOLLAR
    assert check_price(trade(min_out=FAIR - 1), VALUES, TOLERANCE) == 1
    assert check_price(trade(min_out=FAIR), VALUES, TOLERANCE) == 0
    assert check_price(trade(min_out=2 * FAIR), VALUES, TOLERANCE) == 0


def test_the_receipt_check_binds_by_the_balance_that_the_signer_read() -> None:
    """Plus the minimum output, minus what a circle puts in; native coin has no such check."""
    circle = trade(PaidRoute(WETH, 5, 0), min_out=7)
    for one, held, least in ((trade(min_out=7), 100, 107), (circle, 100, 102), (trade(min_out=7), 0, 7)):
        check_balance(replace(one, min_balance=least), held)
        check_balance(replace(one, min_balance=None), held)
        with pytest.raises(SignerRefused) as refusal:
            check_balance(replace(one, min_balance=least - 1), held)
        assert refusal.value.rule == "balance"


def test_the_listed_pools_are_those_of_the_network_file() -> None:
    """Each by what its command says of it, with its own fee; one of an unknown venue is left out."""
    low, high = sorted((int(USDC, 16), int(WETH, 16)))
    pools = listed_pools(NETWORK)
    assert len(pools) == len(NETWORK.pools)
    assert {key: pools[key] for key in ((V2, low, high, 0, 0), (V3, low, high, 500, 0), (V4, low, high, 500, 10))} == {
        (V2, low, high, 0, 0): 3000,
        (V3, low, high, 500, 0): 500,
        (V4, low, high, 500, 10): 500,
    }
    odd = replace(NETWORK.pools["WETH/USDC-v2"], name="odd", venue="odd")
    assert listed_pools(replace(NETWORK, pools={**NETWORK.pools, "odd": odd})) == pools
