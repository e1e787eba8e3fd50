"""One minute of prices, and the checks that every row of a price file must pass."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sentinel.core.errors import PriceFault

MINUTE = 60  # seconds
LATEST = 10_000_000_000  # unix seconds; larger numbers are milliseconds

OnFault = Callable[[PriceFault], None]  # it raises the fault, or keeps it so that the rest of the file is read too


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute. Prices are quote tokens per coin."""

    time: int  # unix seconds of the minute's start
    open: float
    high: float
    low: float
    close: float
    volume: float  # quote tokens; 0.0 if unknown
    liquidity: int | None  # L of the pool at the minute's end; None if the file does not have it


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: its minute, and its bar unless something of it is wrong."""

    line: int
    time: int
    bar: Bar | None


def minute_of(seconds: int) -> int:
    """`seconds`, if it is the start of a minute. Raises ValueError with what is wrong."""
    if seconds >= LATEST:
        raise ValueError(f"time {seconds} looks like milliseconds: write unix seconds")
    if seconds % MINUTE:
        raise ValueError(f"time {text_of(seconds)} is not the start of a minute")
    return seconds


def checked(bar: Bar) -> Bar:
    """The bar, if its numbers can be those of one minute. Raises ValueError with what is wrong."""
    if (
        0 < bar.low <= bar.open <= bar.high < math.inf
        and bar.low <= bar.close <= bar.high
        and 0 <= bar.volume < math.inf
        and (bar.liquidity is None or bar.liquidity >= 0)
    ):
        return bar  # most rows of most files
    for name in ("open", "high", "low", "close"):
        price = getattr(bar, name)
        if not math.isfinite(price) or price <= 0:
            raise ValueError(f"{name} {price!r} is no price")
    if not math.isfinite(bar.volume) or bar.volume < 0:
        raise ValueError(f"volume {bar.volume!r} is no amount")
    if bar.liquidity is not None and bar.liquidity < 0:
        raise ValueError(f"liquidity {bar.liquidity} is negative")
    if bar.high < bar.low:
        raise ValueError(f"high {bar.high!r} is below low {bar.low!r}")
    for name, price in (("open", bar.open), ("close", bar.close)):
        if not bar.low <= price <= bar.high:
            raise ValueError(f"{name} {price!r} is outside low {bar.low!r} to high {bar.high!r}")
    return bar


def check_order(path: Path, line: int, time: int, last: int | None) -> PriceFault | None:
    """The fault of a minute that does not come after the last one."""
    if last is None or time > last:
        return None
    what = f"minute {text_of(time)} comes twice" if time == last else f"{text_of(time)} comes after {text_of(last)}"
    return PriceFault(what if time == last else f"{what}: times must ascend", path, line)


def text_of(time: int) -> str:
    """2022-07-19T00:00Z, or with the seconds if it is no full minute. What no calendar has is printed as a number."""
    try:
        moment = dt.datetime.fromtimestamp(time, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return str(time)
    return moment.strftime("%Y-%m-%dT%H:%MZ" if time % MINUTE == 0 else "%Y-%m-%dT%H:%M:%SZ")
