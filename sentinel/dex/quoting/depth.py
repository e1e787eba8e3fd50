"""Depth of a pool (the amount that moves its price by some bps) and price impact of an amount. Pure."""

from __future__ import annotations

from sentinel.core.amounts import MAX_BASE_UNITS
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState
from sentinel.core.network import Pool, Symbol
from sentinel.core.units import BPS
from sentinel.dex.venues.registry import venue_of

FINE = 1_000_000  # units per basis point, because `bps` may be fractional


def depth(pool: Pool, state: PoolState, token_in: Symbol, bps: float) -> int:
    """The largest input, in base units, after which the next unit still buys 1 - bps / 10,000 of what the first buys.

    It follows the pool's own arithmetic and is exact to one part in 2**40. If the liquidity that was read ends before
    that price, the result is the input that this liquidity takes. Raises QuoteError for an empty pool.
    """
    venue = venue_of(pool)
    _mid(pool, state, token_in)
    up, down = venue.marginal(pool, state, token_in, 0)
    keep = BPS * FINE - round(bps * FINE)

    def holds(amount: int) -> bool:
        try:
            now_up, now_down = venue.marginal(pool, state, token_in, amount)
        except QuoteError:
            return False
        return now_up * down * BPS * FINE >= up * now_down * keep

    low, high = 0, 1
    while high <= MAX_BASE_UNITS and holds(high):
        low, high = high, 2 * high
    while high - low > max(1, low >> 40):
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def impact_bps(pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> float:
    """Distance in bps of the average price of `amount_in` below the pool's mid price, including the fee."""
    out = venue_of(pool).quote_in(pool, state, token_in, amount_in)
    return BPS * (1 - out / (amount_in * _mid(pool, state, token_in)))


def _mid(pool: Pool, state: PoolState, token_in: Symbol) -> float:
    """The mid price: base units of the other token per base unit of `token_in`. Raises QuoteError for an empty pool."""
    reserve0, reserve1 = venue_of(pool).reserves(pool, state)
    if not (reserve0 > 0 and reserve1 > 0):
        raise QuoteError(f"{pool.name}: there is no liquidity at the current price")
    return reserve1 / reserve0 if token_in == pool.token0 else reserve0 / reserve1
