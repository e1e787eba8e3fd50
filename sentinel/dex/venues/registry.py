"""The interface of a venue, and the table of venues. A new venue is one file and one line in `VENUES`."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Protocol

from sentinel.chain.multicall import Read
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState
from sentinel.core.network import Pool, Symbol
from sentinel.dex.venues.router_leg import RouterLeg
from sentinel.dex.venues.uniswap_v2 import UniswapV2
from sentinel.dex.venues.uniswap_v3 import UniswapV3
from sentinel.dex.venues.uniswap_v4 import UniswapV4


class Venue(Protocol):
    """Pure arithmetic over a pool's state, equal to the contracts to the last unit. Amounts are in base units.

    Every method with an amount raises QuoteError if the pool cannot fill it from the state that was read.
    """

    gas: int  # units that a leg adds to a trade, rounded up from measurements on the local market

    def quote_in(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> int:
        """The output for `amount_in`, after the pool's fee."""
        ...

    def quote_out(self, pool: Pool, state: PoolState, token_in: Symbol, amount_out: int) -> int:
        """The smallest input that buys `amount_out`."""
        ...

    def swap(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, PoolState]:
        """The output of `quote_in`, and the state of the pool after the swap."""
        ...

    def marginal(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, int]:
        """The marginal output per unit after `amount_in` (0 is allowed) and fee: (numerator, denominator)."""
        ...

    def reserves(self, pool: Pool, state: PoolState) -> tuple[float, float]:
        """Virtual reserves of token0 and token1; their ratio is the mid price. Both are 0 without liquidity."""
        ...

    def command(self, pool: Pool, leg: RouterLeg) -> tuple[int, bytes]:
        """The Universal Router's command byte for a leg, and its encoded input. Raises ActionFault if it has none."""
        ...

    def read(self, pool: Pool, hint: PoolState | None) -> Generator[Sequence[Read], Sequence[bytes | None], PoolState]:
        """A generator that reads the state. It yields rounds of calls and is sent each round's return data.

        The return data of a reverted call is None. `hint` is an earlier state of the pool; it saves rounds and never
        changes the result. Raises QuoteError if the return data is not that of such a pool.
        """
        ...


VENUES: Mapping[str, Venue] = {
    "uniswap_v2": UniswapV2(),
    "uniswap_v3": UniswapV3(),
    "uniswap_v4": UniswapV4(),
}

READERS: Mapping[str, Venue] = VENUES  # for the market reader, which needs only `read` and `reserves`


def venue_of(pool: Pool) -> Venue:
    """The venue of the pool. Raises QuoteError for an unknown venue."""
    try:
        return VENUES[pool.venue]
    except KeyError:
        raise QuoteError(f"pool {pool.name}: no venue is called {pool.venue!r}") from None
