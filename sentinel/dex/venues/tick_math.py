"""Uniswap V3's conversion between ticks and prices, equal to the contract's in every bit.

A price here is `sqrt_price_x96`: sqrt(token1 / token0 in base units) x 2**96, rounded up at each tick.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt, log

from sentinel.core.units import MAX_UINT256, Q96

MIN_TICK = -887272
MAX_TICK = -MIN_TICK


def _halving_factors() -> tuple[int, ...]:
    """Factor i is round(2**128 x 1.0001**(-(2**i) / 2)), by which bit i of |tick| multiplies the price.

    The contract has these twenty numbers as literals. Here they are computed with 512 extra bits of precision.
    """
    shift = 640
    power = isqrt((1 << 2 * shift) * 10_000 // 10_001)
    factors = []
    for _ in range(20):
        factors.append((power + (1 << (shift - 129))) >> (shift - 128))
        power = (power * power) >> shift
    return tuple(factors)


_FACTORS = _halving_factors()


@lru_cache(maxsize=1 << 16)
def sqrt_price_at(tick: int) -> int:
    """The sqrt_price_x96 at which `tick` begins. Raises ValueError outside MIN_TICK..MAX_TICK."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise ValueError(f"tick {tick} is outside {MIN_TICK}..{MAX_TICK}")
    ratio = 1 << 128
    bits = abs(tick)
    for i, factor in enumerate(_FACTORS):
        if bits >> i & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = MAX_UINT256 // ratio
    return -(-ratio >> 32)


MIN_SQRT_PRICE = sqrt_price_at(MIN_TICK)
MAX_SQRT_PRICE = sqrt_price_at(MAX_TICK)


def tick_at(sqrt_price_x96: int) -> int:
    """The greatest tick that begins at or below the price. Raises ValueError outside the pool's range."""
    if not MIN_SQRT_PRICE <= sqrt_price_x96 < MAX_SQRT_PRICE:
        raise ValueError(f"sqrt price {sqrt_price_x96} is outside the range of a pool")
    tick = int(2 * log(sqrt_price_x96 / Q96) / log(1.0001))
    tick = max(MIN_TICK, min(MAX_TICK, tick))
    while sqrt_price_at(tick) > sqrt_price_x96:
        tick -= 1
    while tick < MAX_TICK and sqrt_price_at(tick + 1) <= sqrt_price_x96:
        tick += 1
    return tick
