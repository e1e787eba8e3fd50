"""The read-back says from which values an order measures."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sentinel.cli.order_measures import measures
from sentinel.cli.order_reading import lines
from sentinel.config.network_file import load_network
from sentinel.daemon.approved_order import read_order

PRICES = {"WETH": Decimal("2431.5")}
ENTRIES = {"WETH": Decimal(1_600)}
DROP = (
    "If the price of WETH is at most 96% of the price of WETH when the order was set, buy 100 USDC worth of WETH, once."
)
STOP = "If the price of WBTC is at most 95% of the high since entry of WBTC, sell all of WBTC."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DROP, ["the price of WETH when the order was set would be 2,431.50 USDC now"]),
        (
            DROP.replace("WETH", "WBTC"),
            ["the price of WBTC when the order was set is not known: no close is recorded yet"],
        ),
        (STOP.replace("WBTC", "WETH"), ["the entry price of WETH is 1,600.00 USDC now"]),
        (
            f"{STOP} If the profit on WBTC is at least 50 USDC, sell all of WBTC.",
            [
                "the entry price of WBTC is not known until Sentinel buys it, or you give it: "
                "`sentinel order entry WBTC=PRICE --coins N`"
            ],
        ),
        ("Buy 10 USDC worth of WETH, every 1 hour.", []),
    ],
)
def test_each_value_is_said_once(text: str, said: list[str]) -> None:
    """With its number now, or with what makes it known."""
    assert measures(read_order(text, load_network("devnet")), PRICES, ENTRIES) == said


def test_they_stand_in_the_read_back() -> None:
    facts = {
        **{"hash": "ab" * 32, "reading": DROP, "trades": ["USDC->WETH"], "max_trade": None, "quote": "USDC"},
        **{"measures": ["one", "two"], "judgements": [], "cost": "5", "estimate": None},
    }
    assert [line for line in lines(facts) if "one" in line[:13] or "two" in line] == ["measures  one", "          two"]
