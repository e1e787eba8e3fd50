"""Indicators over closes, one close per bar, oldest first. Pure functions of numbers above 0.

`ema` and `rsi` smooth over all closes. The others use the last `bars` bars, or fewer if fewer are known. With too few
closes each returns the value of a flat market. Results are finite. They raise nothing for at least one close and `bars`
of at least 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Closes = Sequence[float]


def returns(closes: Closes, bars: int) -> list[float]:
    """Simple returns as fractions, close / previous close - 1, oldest first. `bars` returns need bars + 1 closes."""
    last = closes[-bars - 1 :]
    return [now / before - 1 for before, now in pairwise(last)]


def volatility(closes: Closes, bars: int) -> float:
    """Sample standard deviation (n - 1) of the last `bars` log returns, a fraction per bar, not annualised.

    The usual estimator of historical volatility: Hull, Options, Futures, and Other Derivatives, section 15.4.
    """
    last = closes[-bars - 1 :]
    logs = [math.log(now / before) for before, now in pairwise(last)]
    if len(logs) < 2:
        return 0.0
    mean = math.fsum(logs) / len(logs)
    return math.sqrt(math.fsum((log - mean) ** 2 for log in logs) / (len(logs) - 1))


def sma(closes: Closes, bars: int) -> float:
    """Simple moving average: the arithmetic mean of the last `bars` closes, in quote tokens."""
    last = closes[-bars:]
    return math.fsum(last) / len(last)


def ema(closes: Closes, bars: int) -> float:
    """Exponential moving average in quote tokens, with weight 2 / (bars + 1) for the newest close.

    It starts from the oldest known close. This is the recursive form (`ewm(span=bars, adjust=False)` of pandas).
    """
    weight, average = 2 / (bars + 1), closes[0]
    for close in closes[1:]:
        average = weight * close + (1 - weight) * average
    return average


def rsi(closes: Closes, bars: int) -> float:
    """Relative strength index, 0 to 100: 100 - 100 / (1 + average gain / average loss); 50 if no close moved.

    The averages start as means of the first `bars` changes and are smoothed over all later ones by 1 / bars:
    Wilder, New Concepts in Technical Trading Systems, 1978, section VI.
    """
    changes = [now - before for before, now in pairwise(closes)]
    if not changes:
        return 50.0
    first = changes[:bars]
    gain = math.fsum(max(change, 0.0) for change in first) / len(first)
    loss = math.fsum(max(-change, 0.0) for change in first) / len(first)
    for change in changes[bars:]:
        gain = (gain * (bars - 1) + max(change, 0.0)) / bars
        loss = (loss * (bars - 1) + max(-change, 0.0)) / bars
    return 100 * (gain / (gain + loss)) if gain + loss > 0 else 50.0  # in this form it never rounds above 100


def drawdown(closes: Closes, bars: int) -> float:
    """The distance of the last close below the highest of the last `bars`, a fraction from 0 (at the top) to 1."""
    return 1 - closes[-1] / max(closes[-bars:])


def twap(closes: Closes, bars: int) -> float:
    """Time-weighted average price of the last `bars` bars, in quote tokens: the geometric mean of their closes.

    Each close holds for one bar. The oracle of Uniswap V3 averages in the same way: Uniswap v3 Core, 2021, section 5.2.
    """
    last = closes[-bars:]
    return math.exp(math.fsum(map(math.log, last)) / len(last))
