"""Worlds just inside and just outside what the approved order lets pass."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal

from sentinel.core.units import BPS
from sentinel.orders.playing.trades import Side
from tests.decide.changes import HOLDS, ordered
from tests.decide.fair_market import LIMITS
from tests.decide.world import World, buying, circling, hopping

WANTED = ordered(Side.BUY, "USDC", "WETH", 500)  # what `buying` does
SIGNED = Decimal(500) * BPS / (BPS + LIMITS.price_tolerance_bps)  # by the signer's rule, as large as `buying` allows
LARGEST = SIGNED.quantize(Decimal("1e-6"), ROUND_UP)
CYCLE = ordered(Side.ARBITRAGE, "USDC", "WETH", 500)

ORDER_ROWS: list[tuple[World, World]] = [
    (buying().but(play=WANTED), buying().but(play=HOLDS)),
    (buying().but(play=WANTED), buying().but(play=ordered(Side.BUY, "USDC", "WBTC", 500))),
    (buying().but(play=WANTED), buying().but(play=ordered(Side.SELL, "WETH", "USDC", 500))),
    (buying().but(play=WANTED), buying().but(play=CYCLE)),
    (
        buying().but(play=ordered(Side.BUY, "USDC", "WETH", "476.19048")),
        buying().but(play=ordered(Side.BUY, "USDC", "WETH", "476.19")),
    ),
    (
        buying().but(play=ordered(Side.BUY, "USDC", "WETH", "526.3157")),
        buying().but(play=ordered(Side.BUY, "USDC", "WETH", "526.316")),
    ),
    (
        buying().but(play=ordered(Side.BUY, "USDC", "WETH", 490, most=500)),
        buying().but(play=ordered(Side.BUY, "USDC", "WETH", 490, most="499.999999")),
    ),
    (
        circling().but(play=ordered(Side.ARBITRAGE, "USDC", "WETH", 500, profit=8)),
        circling().but(play=ordered(Side.ARBITRAGE, "USDC", "WETH", 500, profit=9)),
    ),
    (hopping().but(play=ordered(Side.BUY, "USDC", "WBTC", 500)), hopping().but(play=WANTED)),
    (circling().but(play=CYCLE), circling().but(play=WANTED)),
    (circling().but(play=CYCLE), circling().but(play=ordered(Side.ARBITRAGE, "USDC", "WBTC", 500))),
    (
        buying().but(play=WANTED, max_trade=LARGEST),
        buying().but(play=WANTED, max_trade=LARGEST - Decimal("0.000001")),
    ),
]
