"""`sentinel order preset`: each coin of the network is an option for its weight."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from sentinel.__main__ import app
from sentinel.core.errors import OperatorError

READINGS = {
    "rebalance --weth 60% --band 5%": "Rebalance to 60% WETH and 40% USDC when off by more than 5%.",
    "rebalance --WETH=45% --wbtc 0.25 --band 4%": (
        "Rebalance to 45% WETH and 25% WBTC and 30% USDC when off by more than 4%."
    ),
    "rebalance --weth 60% --usdc 40%": "Rebalance to 60% WETH and 40% USDC when off by more than 5%.",
    "reduce-risk --wbtc 30%": (
        "If the weight of WBTC is above 35% or the price of WBTC is at most 99% of the highest of 10 1-minute closes "
        "of WBTC, cut WBTC to 30%."
    ),
}
REFUSED = {
    "rebalance --doge 60%": "there is no option --doge; the coins of network devnet are --usdc, --wbtc, --weth",
    "rebalance --weth": "--weth: write the weight after it, e.g. --weth 60%",
    "rebalance --weth 60% --WETH 50%": "--WETH is given twice",
    "rebalance --weth 60% --usdc 30%": "the weights add up to 90%: leave USDC out, it is the rest",
    "rebalance --weth much": "much: write a share as 5% or 0.05",
    "rebalance --weth nan": "nan: write a share as 5% or 0.05",
    "rebalance --weth 60% 5": "there is no option 5; ",
    "rebalance --weth 160%": "a weight is 0% to 100%",
    "dca --weth 60%": "--weth: only rebalance and reduce-risk take weights of coins",
}


@pytest.mark.parametrize("words", READINGS)
def test_a_weight_is_an_option_of_its_coin(words: str) -> None:
    """In any case, as percent or fraction; the quote token is the rest."""
    result = CliRunner().invoke(app, ["order", "preset", *words.split()])
    assert (result.exit_code, result.output) == (0, f"{READINGS[words]}\n")


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_no_weight_of_a_coin_is_refused(words: str) -> None:
    """And nothing of it is left out in silence."""
    with pytest.raises(OperatorError) as refusal:
        CliRunner().invoke(app, ["order", "preset", *words.split()], catch_exceptions=False)
    assert REFUSED[words] in str(refusal.value)
