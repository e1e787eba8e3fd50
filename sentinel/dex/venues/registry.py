"""What a venue must offer, and the venues there are. A new venue is one file and one line in `VENUES`."""

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
    """Pure arithmetic over a pool's state, equal to the contracts to the last unit. Amounts are base units.

    Every method that takes an amount raises QuoteError where the pool cannot fill it from the state that was read.
    """

    gas: int  # units that a leg adds to a trade, rounded up from what the local market's real contracts used

    def quote_in(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> int:
        """What `amount_in` buys, the pool's fee taken."""
        ...

    def quote_out(self, pool: Pool, state: PoolState, token_in: Symbol, amount_out: int) -> int:
        """The least input that buys `amount_out`."""
        ...

    def swap(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, PoolState]:
        """As `quote_in`, with the state that the pool is in afterwards."""
        ...

    def marginal(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, int]:
        """What the next unit buys after `amount_in` (0: at once), fee taken, as (numerator, denominator)."""
        ...

    def reserves(self, pool: Pool, state: PoolState) -> tuple[float, float]:
        """Virtual reserves of token0 and token1 at the current price; their ratio is the mid price. 0: no liquidity."""
        ...

    def command(self, pool: Pool, leg: RouterLeg) -> tuple[int, bytes]:
        """The Universal Router's command for one leg, and its encoded input. Raises ActionFault where it has none."""
        ...

    def read(self, pool: Pool, hint: PoolState | None) -> Generator[Sequence[Read], Sequence[bytes | None], PoolState]:
        """How the state is read: yields rounds of calls and is sent each round's return data (None: reverted).

        `hint` is an earlier state of the pool; it saves rounds and never changes the result. Raises QuoteError where
        the answers are not those of such a pool.
        """
        ...


VENUES: Mapping[str, Venue] = {
    "uniswap_v2": UniswapV2(),
    "uniswap_v3": UniswapV3(),
    "uniswap_v4": UniswapV4(),
}

READERS: Mapping[str, Venue] = VENUES  # as the market reader knows them: it needs `read` and `reserves` alone


def venue_of(pool: Pool) -> Venue:
    """Raises QuoteError for a venue that Sentinel does not know."""
    try:
        return VENUES[pool.venue]
    except KeyError:
        raise QuoteError(f"pool {pool.name}: no venue is called {pool.venue!r}") from None
