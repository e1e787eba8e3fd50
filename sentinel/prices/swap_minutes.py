"""From swaps to one-minute bars. Pure: the same swaps give the same bars, in whatever parts they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sentinel.core.network import PoolName
from sentinel.prices.bar import MINUTE, Bar
from sentinel.prices.swap_logs import SwapLog

Row = tuple[int, float, float, float, float, int, int]  # minute, open, high, low, close, volume, liquidity


@dataclass(slots=True)
class PoolMinute:
    """What happened in one pool in one minute; prices are those after its swaps, quote tokens per coin."""

    open: float
    high: float
    low: float
    close: float
    volume: int  # base units of the quote token
    liquidity: int

    def extend(self, later: PoolMinute) -> None:
        """Add what happened later in the same minute."""
        self.high, self.low = max(self.high, later.high), min(self.low, later.low)
        self.close, self.liquidity = later.close, later.liquidity
        self.volume += later.volume


@dataclass(slots=True)
class SwapMinutes:
    """Minutes by pool, in ascending time. Parts must be added in the order of the chain."""

    pools: dict[PoolName, dict[int, PoolMinute]] = field(default_factory=dict)

    def add(self, swap: SwapLog, time: int) -> None:
        """`time`: unix seconds of the swap's block."""
        once = PoolMinute(swap.price, swap.price, swap.price, swap.price, swap.volume, swap.liquidity)
        self._add(swap.pool, time - time % MINUTE, once)

    def extend(self, rows: Mapping[PoolName, Iterable[Row]]) -> None:
        """Add a later part, as `rows` gives it."""
        for pool, minutes in rows.items():
            for minute, *values in minutes:
                opened, high, low, close, volume, liquidity = values
                self._add(pool, minute, PoolMinute(opened, high, low, close, int(volume), int(liquidity)))

    def rows(self) -> dict[PoolName, list[Row]]:
        """All minutes in plain values."""
        return {
            pool: [(time, m.open, m.high, m.low, m.close, m.volume, m.liquidity) for time, m in minutes.items()]
            for pool, minutes in self.pools.items()
        }

    @property
    def deepest(self) -> PoolName | None:
        """The pool with the largest volume, whose prices are taken; None without a swap."""
        volumes = {pool: sum(m.volume for m in minutes.values()) for pool, minutes in self.pools.items()}
        return max(sorted(volumes), key=lambda pool: volumes[pool], default=None)

    def bars(self, decimals: int, end: int) -> tuple[Bar, ...]:
        """One bar a minute, from the first swap of `deepest` to the minute of `end` (unix seconds).

        Prices and liquidity are those of `deepest`. The volume is that of all pools, with `decimals` of the quote
        token. A minute without a swap has the price before it, because only swaps move a pool.
        """
        pool = self.deepest
        if pool is None:
            return ()
        minutes = self.pools[pool]
        bars: list[Bar] = []
        for time in range(min(minutes), end - end % MINUTE + 1, MINUTE):
            traded = sum(each[time].volume for each in self.pools.values() if time in each) / 10**decimals
            if (m := minutes.get(time)) is not None:
                bars.append(Bar(time, m.open, m.high, m.low, m.close, traded, m.liquidity))
            else:
                price, liquidity = bars[-1].close, bars[-1].liquidity
                bars.append(Bar(time, price, price, price, price, traded, liquidity))
        return tuple(bars)

    def _add(self, pool: PoolName, minute: int, part: PoolMinute) -> None:
        minutes = self.pools.setdefault(pool, {})
        if minute in minutes:
            minutes[minute].extend(part)
        else:
            minutes[minute] = part
