"""Read V3 pools as far as their recorded slots go, and no further.

A bitmap word that is not listed reads as zero on the chain that the tests make, which would say "no ticks here". The
reader narrows the window to what is known; a quote that would leave it raises QuoteError, and nothing is proposed.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from sentinel.chain.market_reader import PoolReader
from sentinel.chain.multicall import Read
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState, V3State
from sentinel.core.network import Pool
from sentinel.dex.venues.registry import READERS
from tests.config.networks.recorded import Recorded

V2_NEEDED = (6, 7, 8)  # token0, token1, reserves
V3_SLOT0, V3_LIQUIDITY, _TICKS, _BITMAP = 0, 4, 5, 6  # storage of a V3 pool


def tradable(block: Recorded, pool: Pool) -> bool:
    """Are the slots listed that its price follows from?"""
    if pool.venue == "uniswap_v2":
        return block.knows(pool.address, *V2_NEEDED)
    if pool.venue != "uniswap_v3" or not block.knows(pool.address, V3_SLOT0, V3_LIQUIDITY):
        return False
    account = block.account(pool.address)
    assert account is not None
    tick = account.slots[V3_SLOT0] >> 160 & 0xFFFFFF
    tick -= (tick >> 23) << 24
    return block.knows(pool.address, _mapped(_BITMAP, (tick // pool.tick_spacing) >> 8))


class KnownOnly:
    """The venue's own reader, its window cut down to listed words and listed ticks."""

    def __init__(self, inner: PoolReader, block: Recorded) -> None:
        self._inner = inner
        self._block = block

    def reserves(self, pool: Pool, state: PoolState) -> tuple[float, float]:
        return self._inner.reserves(pool, state)

    def read(self, pool: Pool, hint: PoolState | None) -> Generator[Sequence[Read], Sequence[bytes | None], PoolState]:
        state = yield from self._inner.read(pool, hint)
        return narrowed(self._block, pool, state) if isinstance(state, V3State) else state


def readers(block: Recorded) -> Mapping[str, PoolReader]:
    return {venue: KnownOnly(reader, block) for venue, reader in READERS.items()}


def narrowed(block: Recorded, pool: Pool, state: V3State) -> V3State:
    """`state` with the window in which every initialised tick is known, or stands at the window's edge.

    A swap that stops short of an edge needs nothing of what lies behind it. Raises QuoteError where not even the word
    of the current tick is listed.
    """
    spacing = pool.tick_spacing
    home = (state.tick // spacing) >> 8
    low = high = home
    if not block.knows(pool.address, _mapped(_BITMAP, home)):
        raise QuoteError(f"{pool.name}: the ticks around its price are unknown")
    while (low - 1) * 256 * spacing >= state.tick_low and block.knows(pool.address, _mapped(_BITMAP, low - 1)):
        low -= 1
    while (high + 1) * 256 * spacing <= state.tick_high and block.knows(pool.address, _mapped(_BITMAP, high + 1)):
        high += 1
    tick_low = max(state.tick_low, low * 256 * spacing)
    tick_high = min(state.tick_high, (high * 256 + 255) * spacing)
    for tick, _ in state.ticks:
        if not block.knows(pool.address, _mapped(_TICKS, tick)):
            if tick <= state.tick:
                tick_low = max(tick_low, tick)
            else:
                tick_high = min(tick_high, tick)
    ticks = tuple((tick, net) for tick, net in state.ticks if tick_low <= tick <= tick_high)
    return replace(state, ticks=ticks, tick_low=tick_low, tick_high=tick_high)


def _mapped(slot: int, key: int) -> int:
    """Where Solidity keeps `mapping(int => ...)` at `slot` for `key`."""
    return int.from_bytes(keccak(encode(["int256", "uint256"], [key, slot])))
