"""The crash test of an order finds what a daemon forgot: entry price, high or cooldown, each by the chain alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lab.crash.order_state import (
    INTERVAL,
    ORDER,
    RUIN,
    STOP,
    TRANSFER,
    ChainClose,
    ChainFill,
    ChainTruth,
    Holding,
    Look,
    fill_of,
)
from sentinel.orders.language.reading import render
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.shown import money
from sentinel.orders.typed.order import Order

PRICES = [2_000, 2_040, 2_010, 2_020, 2_019, 2_018]  # of the blocks 1 to 6, one a second from 101 on
BOUGHT = ChainFill(2, 102, Decimal("0.15"), Decimal(306))
AGAIN = ChainFill(3, 103, Decimal("0.05"), Decimal(100))


def truth(*fills: ChainFill) -> ChainTruth:
    closes = {number: ChainClose(100 + number, Decimal(price)) for number, price in enumerate(PRICES, 1)}
    return ChainTruth(closes, list(fills))


def look(block: int = 4, *, high: Any = 2_040, entry: Any = 2_030, wait: int = 3, side: str = "") -> Look:
    """What a daemon says that has seen this high and entry, with a purchase in so many seconds."""
    price = Decimal(PRICES[block - 1])
    why = (
        f"1. the price of WETH ({money(price)} USDC) is not at most 99.8% of the high since entry of WETH "
        f"({money(STOP * Decimal(high))} USDC); 2. next buy in {wait} seconds"
    ).replace("USDC);", f"USDC) and … 50% of the entry price of WETH ({money(RUIN * Decimal(entry))} USDC);")
    return Look(block, 100 + block, price, why, side)


def test_the_order_is_one() -> None:
    order = parse(ORDER, "USDC")
    assert isinstance(order, Order)
    assert render(order) == ORDER


def test_a_holding_by_hand() -> None:
    """Averaged over its purchases, untouched by a sale of a part, gone with the last coin."""
    held = truth(BOUGHT, AGAIN)
    assert held.holding(1) == Holding()
    assert held.holding(2) == Holding(Decimal(2_040), 102, 102)
    assert held.holding(3) == Holding(Decimal(2_030), 102, 103)
    part = ChainFill(4, 104, Decimal("-0.1"), Decimal(200))
    assert truth(BOUGHT, AGAIN, part).holding(4).entry == 2_030
    dust = ChainFill(4, 104, Decimal("-0.19999999"), Decimal(400))
    assert truth(BOUGHT, AGAIN, dust).holding(4) == Holding(None, 102, 103)
    later = ChainFill(5, 105, Decimal("0.1"), Decimal(200))
    assert truth(BOUGHT, AGAIN, dust, later).holding(5) == Holding(Decimal(2_000), 105, 105)


def test_what_is_right_passes() -> None:
    """Also a high without the closes of blocks that were mined while the daemon was down."""
    held = truth(BOUGHT, AGAIN)
    assert held.wrong(look(), [1, 2, 3, 4]) is None
    assert held.wrong(look(5, wait=2), [1, 2, 3, 4, 5]) is None
    assert held.wrong(look(high=2_020), [1, 4]) is None
    assert truth().wrong(look(), []) is None


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (look(high=2_020), "a high of 2015.96, not 2035.92"),  # the close of block 2 is forgotten
        (look(high=2_100), "a high of 2095.80"),
        (look(entry=2_040), "an entry of 1020.00, not 1015.00"),  # the second purchase is
        (look(wait=2), "next buy in 2 seconds, which is 3"),
        (look(side="buy"), f"bought {INTERVAL - 1} s too early"),
        (
            Look(4, 104, Decimal(2_020), "1. the entry price of WETH is not known", ""),
            "1. the entry price of WETH is not",
        ),
        (Look(4, 104, Decimal(2_020), "2. next buy in 3 seconds", ""), "not said, a high: 2. next buy"),
        (Look(7, 108, Decimal(2_030), "buy WETH for 300.00 USDC", "buy"), "bought below the stop at 2035.920"),
    ],
)
def test_what_was_forgotten_is_found(said: Look, what: str) -> None:
    """Each by itself."""
    wrong = truth(BOUGHT, AGAIN).wrong(said, [1, 2, 3, 4])
    assert wrong is not None
    assert what in wrong


def test_a_sale_of_what_is_not_held() -> None:
    assert truth().wrong(look(side="sell"), []) == "sold what is not held"


def test_a_fill_is_what_the_transfers_moved() -> None:
    """To and from the wallet alone, by the two tokens."""
    own, pool = "0x" + "00" * 12 + "aa" * 20, "0x" + "00" * 12 + "bb" * 20
    tokens = {"0xweth": 18, "0xusdc": 6}

    def moved(token: str, sender: str, to: str, amount: int) -> dict[str, Any]:
        return {"address": token.upper(), "topics": [TRANSFER, sender, to], "data": hex(amount)}

    logs = [moved("0xusdc", own, pool, 300 * 10**6), moved("0xweth", pool, own, 10**17), moved("0xweth", pool, pool, 7)]
    wallet = "0x" + "AA" * 20
    assert fill_of(9, 109, logs, wallet, tokens) == ChainFill(9, 109, Decimal("0.1"), Decimal(300))
    back = [moved("0xweth", own, pool, 10**17), moved("0xusdc", pool, own, 290 * 10**6)]
    assert fill_of(9, 109, back, wallet, tokens) == ChainFill(9, 109, Decimal("-0.1"), Decimal(290))
    assert fill_of(9, 109, [moved("0xusdc", pool, own, 5)], wallet, tokens) is None
