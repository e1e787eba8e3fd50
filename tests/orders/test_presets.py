"""Each preset is an order; its reading says what was asked for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sentinel.core.errors import OperatorError
from sentinel.orders.language.presets import PRESETS, Parameters, preset

BASIC = Parameters("USDC", "WETH")


@pytest.mark.parametrize(
    ("name", "changes", "text"),
    [
        ("rebalance", {}, "Rebalance to 50% WETH and 50% USDC when off by more than 5%."),
        (
            "rebalance",
            {"weights": {"WETH": Decimal("0.6"), "WBTC": Decimal("0.4")}},
            "Rebalance to 60% WETH and 40% WBTC when off by more than 5%.",
        ),
        ("dca", {"size": Decimal(50)}, "Buy 50 USDC worth of WETH, every 1 hour."),
        ("slice", {"amount": "6 WETH", "side": "sell", "over": 3600}, "Sell 6 WETH, in 12 parts over 1 hour."),
        (
            "slice",
            {"amount": "600 USDC", "parts": 6},
            "Buy 600 USDC worth of WETH, in 6 parts over 10 minutes.",
        ),
        ("arbitrage", {}, "Arbitrage WETH with 100 USDC for at least 2 USDC."),
        (
            "trailing-stop",
            {"band": Decimal("0.07")},
            "If the price of WETH is at most 93% of the high since entry of WETH, sell all of WETH.",
        ),
    ],
)
def test_a_preset_says_what_was_asked_for(name: str, changes: dict[str, object], text: str) -> None:
    """In the canonical form."""
    values = {field: getattr(BASIC, field) for field in Parameters.__dataclass_fields__}
    assert preset(name, Parameters(**values | changes)) == text


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_an_order(name: str) -> None:
    """With nothing given but the coin."""
    assert preset(name, BASIC)


def test_what_makes_no_order_is_told() -> None:
    """An unknown name with those that there are, and parameters that contradict each other with the reason."""
    with pytest.raises(OperatorError, match="there is no preset 'triangle': rebalance, dca"):
        preset("triangle", BASIC)
    with pytest.raises(OperatorError, match="a weight is 0% to 100%"):
        preset("rebalance", Parameters("USDC", "WETH", weights={"WETH": Decimal("1.2")}))
