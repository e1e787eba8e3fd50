"""The prices that drive the local market: recorded minutes from a given time, or a seeded synthetic path by name.

WETH is replayed. WBTC is always synthetic (a seeded ratio to WETH), because there is no data for it. Each block is one
bar.
"""

from __future__ import annotations

import itertools
import math
import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentinel.core.errors import OperatorError, PriceFault
from sentinel.core.host import places
from sentinel.prices.bar import MINUTE, text_of
from sentinel.prices.bars import DEFAULT, SYNTHETIC, Bar, PriceHistory, PriceSource
from sentinel.prices.sets import prices_of
from sentinel.prices.synthetic import synthetic_closes, synthetic_source

MAX_FILLED = 10  # missing minutes in a row in which the price stands; more of them end the path
WARM_UP = 500  # maximum number of bars in `before`
_RATIO_START = 14.6  # WBTC in WETH
_RATIO_STEP = 0.0003


@dataclass(frozen=True, slots=True)
class MarketBar:
    """Closes of one minute, USDC per whole token."""

    weth: float
    wbtc: float


class PricePath:
    """A sequence of bars. `source` is where they come from; `before` are the bars before the first one.

    `text` tells the source, the part of it that is played, and the seed of WBTC.
    """

    def __init__(
        self, source: PriceSource, bars: Iterator[MarketBar], before: Sequence[MarketBar] = (), *, text: str = ""
    ) -> None:
        self.source = source
        self.text = text or str(source)
        self.before = tuple(before)
        self._bars = bars
        self._last: MarketBar | None = None
        self.exhausted = False

    def next(self) -> MarketBar:
        """The next bar. After the end of the path it repeats the last one and sets `exhausted`.

        Raises OperatorError if the path has no bar.
        """
        bar = next(self._bars, None)
        if bar is not None:
            self._last = bar
        else:
            self.exhausted = True
        if self._last is None:
            raise OperatorError(f"{self.text} holds no bar")
        return self._last

    @classmethod
    def of(
        cls, name: str = DEFAULT, *, start: int | None = None, seed: int = 7, data_dir: Path | None = None
    ) -> PricePath:
        """The path of a named set, of a file, or SYNTHETIC (`prices_of`). Without `start`, a set of more than WARM_UP
        minutes begins after so many of them, so that they are known.

        Raises PriceFault as `recorded` does, and OperatorError if a synthetic path is given a start.
        """
        if name == SYNTHETIC:
            if start is not None:
                raise OperatorError("synthetic prices have no times: leave the start out")
            return cls.synthetic(seed)
        history = prices_of(name, (data_dir or places.data_dir()).expanduser(), seed)
        first = history.bars[0].time + WARM_UP * MINUTE
        known = start is None and any(bar.time == first for bar in history.segments[0])
        return cls.recorded(history, start=first if known else start, seed=seed)

    @classmethod
    def recorded(cls, history: PriceHistory, *, start: int | None = None, seed: int = 7) -> PricePath:
        """A path from the minute `start` (unix seconds; None is the first one) up to a gap.

        Up to MAX_FILLED missing minutes in a row keep the price before them, so that every later minute keeps its
        time. Raises PriceFault if the history does not have the start.
        """
        run = _run(history, start)
        first = run[0].time if start is None else start
        minutes = list(_minutes(run))
        at = (first - run[0].time) // MINUTE
        warm_up = minutes[max(0, at - WARM_UP) : at]
        bars = with_wbtc(itertools.chain(warm_up, minutes[at:]), seed)
        before = tuple(itertools.islice(bars, len(warm_up)))
        filled = len(minutes) - at - sum(bar.time >= first for bar in run)
        text = f"{history.source} from {text_of(first)} to {text_of(run[-1].time)}"
        text += f", {filled} missing minutes keep the price before them" if filled else ""
        return cls(history.source, bars, before, text=f"{text}, WBTC synthetic seed {seed}")

    @classmethod
    def synthetic(cls, seed: int = 7) -> PricePath:
        """An endless path that depends only on the seed."""
        bars = with_wbtc(synthetic_closes(seed), seed)
        before = tuple(itertools.islice(bars, WARM_UP))
        return cls(synthetic_source(seed), bars, before)


def _run(history: PriceHistory, start: int | None) -> Sequence[Bar]:
    """The bars around the start between two gaps of more than MAX_FILLED minutes."""
    bars = history.bars
    if not bars:
        raise PriceFault(f"{history.source} holds no minute", None)
    start = bars[0].time if start is None else start
    cuts = [i for i in range(1, len(bars)) if bars[i].time - bars[i - 1].time > (MAX_FILLED + 1) * MINUTE]
    for low, high in itertools.pairwise([0, *cuts, len(bars)]):
        if bars[low].time <= start <= bars[high - 1].time and start % MINUTE == 0:
            return bars[low:high]
    after = bisect_left(bars, start, key=lambda bar: bar.time)
    hint = f"; the next minute is {text_of(bars[after].time)}" if after < len(bars) else ""
    raise PriceFault(f"{history.source} ({history.span}) has no minute {text_of(start)}{hint}", None)


def _minutes(run: Sequence[Bar]) -> Iterator[float]:
    """The close of each minute; a missing one has that of the minute before it."""
    for bar, after in itertools.pairwise(run):
        yield from itertools.repeat(bar.close, (after.time - bar.time) // MINUTE)
    yield run[-1].close


def with_wbtc(closes: Sequence[float] | Iterator[float], seed: int) -> Iterator[MarketBar]:
    rng = random.Random(f"wbtc {seed}")
    logarithm = 0.0
    for close in closes:
        yield MarketBar(weth=close, wbtc=close * _RATIO_START * math.exp(logarithm))
        logarithm += rng.gauss(0.0, _RATIO_STEP) - 0.001 * logarithm
