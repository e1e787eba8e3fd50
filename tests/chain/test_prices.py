"""Mid prices from virtual reserves."""

from __future__ import annotations

import pytest

from sentinel.chain.mid_prices import mid_prices
from sentinel.config.network_file import load_network

NETWORK = load_network("devnet")


def reserves(name: str, **whole: float) -> tuple[str, tuple[float, float]]:
    """Whole tokens in a pool of the devnet, as base units in the pool's order."""
    pool = NETWORK.pools[name]
    amounts = [whole[token] * 10 ** NETWORK.tokens[token].decimals for token in (pool.token0, pool.token1)]
    return name, (amounts[0], amounts[1])


def test_the_deepest_pool_prices_a_token() -> None:
    """Depth is counted on the quote's side."""
    prices = mid_prices(
        NETWORK,
        dict([reserves("WETH/USDC-v2", WETH=10, USDC=20_000), reserves("WETH/USDC-v3-500", WETH=5, USDC=10_500)]),
    )
    assert prices["WETH"] == pytest.approx(2000.0)


def test_a_token_without_a_quote_pool_goes_through_a_pair() -> None:
    """WBTC is priced in WETH and that in the quote; a pool without liquidity prices nothing."""
    prices = mid_prices(
        NETWORK,
        dict(
            [
                reserves("WETH/USDC-v2", WETH=10, USDC=20_000),
                reserves("WBTC/WETH-v3-3000", WBTC=1, WETH=15),
                ("WBTC/USDC-v3-3000", (0.0, 0.0)),
            ]
        ),
    )
    assert prices == {"USDC": 1.0, "WETH": pytest.approx(2000.0), "WBTC": pytest.approx(30_000.0)}


def test_an_unreachable_token_has_no_price() -> None:
    """Absent, not zero."""
    assert mid_prices(NETWORK, dict([reserves("WBTC/WETH-v3-3000", WBTC=1, WETH=15)])) == {"USDC": 1.0}
