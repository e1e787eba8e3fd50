"""The prices that drive the local market: recorded minutes if the data is present, else a seeded synthetic path.

WETH is replayed. WBTC is always synthetic (a seeded ratio to WETH), because there is no data for it. Each block is one
bar.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentinel.core.errors import OperatorError
from sentinel.core.host import places

FOLDER = "eth_usdc_minutes"
MAX_FILLED = 10  # minutes
WARM_UP = 500  # maximum number of bars in `before`
_WETH_START = 1_700.0  # start of the synthetic path, USDC
_WETH_STEP = 0.0009  # relative standard deviation per bar, about that of real minutes
_RATIO_START = 14.6  # WBTC in WETH
_RATIO_STEP = 0.0003


@dataclass(frozen=True, slots=True)
class Bar:
    """Closes of one minute, USDC per whole token."""

    weth: float
    wbtc: float


class PricePath:
    """A sequence of bars. `source` says where they come from; `before` are the bars before the first one."""

    def __init__(self, source: str, bars: Iterator[Bar], before: Sequence[Bar] = ()) -> None:
        self.source = source
        self.before = tuple(before)
        self._bars = bars
        self._last: Bar | None = None
        self.exhausted = False

    def next(self) -> Bar:
        """The next bar. After the end of the path it repeats the last one and sets `exhausted`.

        Raises OperatorError if the path has no bar.
        """
        bar = next(self._bars, None)
        if bar is not None:
            self._last = bar
        else:
            self.exhausted = True
        if self._last is None:
            raise OperatorError(f"{self.source} holds no bar")
        return self._last

    @classmethod
    def load(
        cls, days: Sequence[str] = (), *, start: int = 0, seed: int = 7, data_dir: Path | None = None
    ) -> PricePath:
        """Recorded days if the data is present, else a synthetic path. `source` says which, and why.

        `days` are consecutive, YYYY-MM-DD. Without `days` the path runs from the first file up to a gap. `start` is the
        minute of the first day. Raises OperatorError as `replayed` does.
        """
        try:
            return cls.replayed(days, start=start, seed=seed, data_dir=data_dir)
        except FileNotFoundError as error:
            return cls.synthetic(seed, why=f"no {Path(error.filename).name} in the data folder")

    @classmethod
    def replayed(
        cls, days: Sequence[str] = (), *, start: int = 0, seed: int = 7, data_dir: Path | None = None
    ) -> PricePath:
        """A path of recorded days.

        Raises FileNotFoundError if a day's file is missing, OperatorError if days or minutes have a gap or `start` is
        outside the first day.
        """
        folder = (data_dir or places.data_dir()) / FOLDER
        names = list(days) or _consecutive(sorted(path.stem for path in folder.glob("????-??-??.csv")))
        if not names:
            raise FileNotFoundError(2, "no bars", FOLDER)
        if names != _consecutive(names):
            raise OperatorError(f"{', '.join(names)} are not consecutive days: start one market for each run of days")
        first = _closes(folder, names[:1])
        if not 0 <= start < len(first):
            raise OperatorError(f"start minute {start} is outside the {len(first)} bars of {names[0]}")
        if days:
            _closes(folder, names)  # requested days are checked before anything starts
        warm_up = first[:start]
        if start < WARM_UP and (folder / f"{_day(names[0], -1)}.csv").exists():
            both = _closes(folder, [_day(names[0], -1), names[0]])
            warm_up = both[: len(both) - len(first) + start]
        warm_up = warm_up[-WARM_UP:]
        minutes = _minutes(folder, names) if days else _until_gap(_minutes(folder, names))
        bars = _with_wbtc(itertools.chain(warm_up, itertools.islice(minutes, start, None)), seed)
        before = tuple(itertools.islice(bars, len(warm_up)))
        span = names[0] if len(names) == 1 else f"{names[0]}..{names[-1]}"
        source = f"{FOLDER} {span} from minute {start}, WBTC synthetic seed {seed}"
        return cls(source, bars, before)

    @classmethod
    def synthetic(cls, seed: int = 7, *, why: str = "") -> PricePath:
        """An endless path that depends only on the seed."""
        bars = _with_wbtc(_walk(seed), seed)
        before = tuple(itertools.islice(bars, WARM_UP))
        return cls(f"synthetic seed {seed}" + (f" ({why})" if why else ""), bars, before)


def _closes(folder: Path, days: Sequence[str]) -> list[float]:
    return list(_minutes(folder, days))


def _minutes(folder: Path, days: Sequence[str]) -> Iterator[float]:
    """USDC per WETH at the end of each minute. The pool of the file has USDC as token0, so its price is inverted.

    A minute without a row had no swap and keeps the price. More than MAX_FILLED such minutes in a row are a gap,
    which raises OperatorError.
    """
    close = 0.0
    previous: dt.datetime | None = None
    for day in days:
        with (folder / f"{day}.csv").open(newline="") as file:  # a slow caller must not keep the file open
            rows = list(csv.DictReader(file))
        for row in rows:
            minute = dt.datetime.fromisoformat(row["timestamp"])
            ahead = 1 if previous is None else (minute - previous) // dt.timedelta(minutes=1)
            if not 1 <= ahead <= MAX_FILLED + 1:
                raise OperatorError(f"{day}.csv jumps from {previous} to {minute}: use days without a gap")
            yield from itertools.repeat(close, ahead - 1)
            close = 1e12 / 1.0001 ** int(row["closeTick"])
            yield close
            previous = minute


def _until_gap(minutes: Iterator[float]) -> Iterator[float]:
    with contextlib.suppress(OperatorError):
        yield from minutes


def _consecutive(names: Sequence[str]) -> list[str]:
    """The names up to the first gap between days."""
    if not names:
        return []
    run = (_day(names[0], i) for i in range(len(names)))
    return [name for name, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(names, run, strict=True))]


def _day(name: str, offset: int) -> str:
    return (dt.date.fromisoformat(name) + dt.timedelta(days=offset)).isoformat()


def _walk(seed: int) -> Iterator[float]:
    """A random walk with a slowly changing drift. It is pulled back towards its start, so that it does not run away."""
    rng = random.Random(f"weth {seed}")
    logarithm = drift = 0.0
    while True:
        yield _WETH_START * math.exp(logarithm)
        drift = 0.97 * drift + rng.gauss(0.0, _WETH_STEP / 12)
        logarithm += drift + rng.gauss(0.0, _WETH_STEP) - 0.0002 * logarithm


def _with_wbtc(closes: Sequence[float] | Iterator[float], seed: int) -> Iterator[Bar]:
    rng = random.Random(f"wbtc {seed}")
    logarithm = 0.0
    for close in closes:
        yield Bar(weth=close, wbtc=close * _RATIO_START * math.exp(logarithm))
        logarithm += rng.gauss(0.0, _RATIO_STEP) - 0.001 * logarithm
