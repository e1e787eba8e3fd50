"""Closes of one token by chain time: each knows when it was, so that a gap is seen and never counted as bars."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.core.network import HexHash, Symbol

WEEK = 7 * 86_400  # seconds; the longest window of an order


@dataclass(frozen=True, slots=True)
class Close:
    """The prices at the end of one block."""

    number: int
    hash: HexHash
    time: int  # timestamp of the block in seconds
    prices: Mapping[Symbol, float]  # quote tokens per whole token


@dataclass(frozen=True, slots=True)
class CloseSeries:
    """Prices in quote tokens per whole token, oldest first, each with the timestamp of its block."""

    times: tuple[int, ...] = ()  # chain time in seconds, strictly ascending
    prices: tuple[float, ...] = ()

    def at(self, time: int) -> tuple[int, float] | None:
        """The newest close at or before `time`, as (time of the close, price); None if there is none."""
        index = bisect_right(self.times, time) - 1
        return None if index < 0 else (self.times[index], self.prices[index])
