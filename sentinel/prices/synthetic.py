"""Synthetic prices: a seeded random walk, for those who ask for it by name. It never stands in for a file."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import islice, pairwise

from sentinel.prices.bar import MINUTE, Bar
from sentinel.prices.bars import SYNTHETIC, PriceHistory, PriceSource

START = 1_640_995_200  # 2022-01-01T00:00Z, the first minute of a synthetic history
MINUTES = 2 * 24 * 60  # of a synthetic history, unless said otherwise
_FIRST_CLOSE = 1_700.0  # quote tokens per coin
_STEP = 0.0009  # relative standard deviation per minute, about that of real ones


def synthetic_source(seed: int) -> PriceSource:
    """The source that names the seed."""
    return PriceSource(SYNTHETIC, seed=seed)


def synthetic_closes(seed: int) -> Iterator[float]:
    """Closes without an end, which depend on the seed alone.

    A random walk with a slowly changing drift. It is pulled back towards its start, so that it does not run away.
    """
    rng = random.Random(f"weth {seed}")
    logarithm = drift = 0.0
    while True:
        yield _FIRST_CLOSE * math.exp(logarithm)
        drift = 0.97 * drift + rng.gauss(0.0, _STEP / 12)
        logarithm += drift + rng.gauss(0.0, _STEP) - 0.0002 * logarithm


def synthetic_prices(seed: int, minutes: int = MINUTES) -> PriceHistory:
    """A history of so many minutes from START. A bar opens at the close before it; volume and liquidity are unknown."""
    closes = list(islice(synthetic_closes(seed), minutes + 1))
    bars = tuple(
        Bar(START + i * MINUTE, opened, max(opened, close), min(opened, close), close, 0.0, None)
        for i, (opened, close) in enumerate(pairwise(closes))
    )
    return PriceHistory(bars, synthetic_source(seed))
