"""A history of one-minute bars with the source that it came from, and how it is read from files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path

from sentinel.core.errors import PriceFault
from sentinel.prices import DEFAULT, SYNTHETIC
from sentinel.prices.bar import MINUTE, Bar, OnFault, Row, text_of
from sentinel.prices.csv_file import ENDINGS, csv_rows
from sentinel.prices.parquet_file import ENDING, parquet_rows

__all__ = [
    "DEFAULT",
    "SYNTHETIC",
    "Bar",
    "Gap",
    "PriceHistory",
    "PriceSource",
    "packaged",
    "packaged_names",
    "read_prices",
]

_SETS = Path(__file__).parent / "sets"


@dataclass(frozen=True, slots=True)
class PriceSource:
    """Where prices came from. Recorded prices have a hash, synthetic ones have a seed."""

    name: str  # of the set or of the files; SYNTHETIC
    sha256: str = ""  # hex, of the file as it lies on the disk; of several files, see `hash_of`
    seed: int | None = None

    def __str__(self) -> str:
        if self.seed is not None:
            return f"{self.name} seed {self.seed}"
        return f"{self.name} sha256 {self.sha256}" if self.sha256 else self.name

    def as_json(self) -> dict[str, str | int]:
        """The facts for reports: name, and SHA-256 or seed."""
        if self.seed is None:
            return {"name": self.name, "sha256": self.sha256}
        return {"name": self.name, "seed": self.seed}


@dataclass(frozen=True, slots=True)
class Gap:
    """Minutes that no file has."""

    start: int  # unix seconds of the first missing minute
    minutes: int

    def __str__(self) -> str:
        last = self.start + (self.minutes - 1) * MINUTE
        span = text_of(self.start) + (f" to {text_of(last)}" if self.minutes > 1 else "")
        return f"{span}: {self.minutes} minute{'s' if self.minutes > 1 else ''} missing"


@dataclass(frozen=True)
class PriceHistory:
    """Bars in ascending time, no minute twice. Time is always the bar's own: a gap shifts nothing."""

    bars: tuple[Bar, ...]
    source: PriceSource

    @cached_property
    def segments(self) -> tuple[tuple[Bar, ...], ...]:
        """The contiguous runs of minutes, in order."""
        cuts = [0, *(i for i in range(1, len(self.bars)) if self.bars[i].time - self.bars[i - 1].time != MINUTE)]
        return tuple(self.bars[start:end] for start, end in pairwise([*cuts, len(self.bars)]))

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """The missing minutes between the first bar and the last one."""
        return tuple(gaps_of(bar.time for bar in self.bars))

    @property
    def missing(self) -> int:
        """How many minutes between the first bar and the last one no file has."""
        return sum(gap.minutes for gap in self.gaps)

    @property
    def span(self) -> str:
        """The first and the last minute, as text."""
        return f"{text_of(self.bars[0].time)} to {text_of(self.bars[-1].time)}" if self.bars else "no minute"

    def between(self, start: int | None, end: int | None) -> PriceHistory:
        """The bars from `start` up to but not including `end`, unix seconds. None means no bound."""
        return replace(
            self,
            bars=tuple(
                bar for bar in self.bars if (start is None or bar.time >= start) and (end is None or bar.time < end)
            ),
        )


def gaps_of(times: Iterable[int]) -> Iterator[Gap]:
    """The missing minutes between ascending times."""
    for before, after in pairwise(times):
        if after - before > MINUTE:
            yield Gap(before + MINUTE, (after - before) // MINUTE - 1)


def read_prices(paths: Sequence[Path], name: str = "") -> PriceHistory:
    """The bars of files in CSV or Parquet, together in ascending time. The order of the files does not matter.

    `name` is that of the source; by default that of the files. Raises PriceFault with file, line and what is wrong,
    and OperatorError if a needed extra is missing.
    """
    if not paths:
        raise PriceFault("no price file is named", None)
    parts: list[tuple[Bar, ...]] = []
    hashes: dict[Path, str] = {}
    for path in paths:
        content = read_bytes(path)
        if path in hashes:
            raise PriceFault("the file is named twice", path)
        hashes[path] = hashlib.sha256(content).hexdigest()
        parts.append(tuple(row.bar for row in rows_of(path, content, _raise) if row.bar is not None))
    order = sorted(range(len(paths)), key=lambda i: parts[i][0].time)
    for before, after in pairwise(order):
        if parts[after][0].time <= parts[before][-1].time:
            raise PriceFault(f"minute {text_of(parts[after][0].time)} is also in {paths[before]}", paths[after])
    source = PriceSource(name or _named([paths[i] for i in order]), hash_of([(p.name, hashes[p]) for p in hashes]))
    return PriceHistory(tuple(bar for i in order for bar in parts[i]), source)


def rows_of(path: Path, content: bytes, fault: OnFault) -> Iterator[Row]:
    """The rows of a file with these bytes. What is wrong goes to `fault`, which may raise it."""
    rows = parquet_rows if path.name.endswith(ENDING) else csv_rows
    if not is_price_file(path):
        fault(PriceFault(f"the file's name must end in {', '.join((*ENDINGS, ENDING))}", path))
        return
    faults: list[PriceFault] = []

    def keep(found: PriceFault) -> None:
        faults.append(found)
        fault(found)

    any_row = False
    for row in rows(path, content, keep):
        any_row = True
        yield row
    if not any_row and not faults:
        fault(PriceFault("the file holds no minute", path))


def is_price_file(path: Path) -> bool:
    """Whether the name is that of a price file."""
    return path.name.endswith((*ENDINGS, ENDING)) and not path.is_dir()


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises PriceFault if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PriceFault(f"cannot be read: {error.strerror or error}", path) from error


def hash_of(files: Sequence[tuple[str, str]]) -> str:
    """SHA-256 of one file; of several, that of the lines of `sha256sum`, sorted by name."""
    if len(files) == 1:
        return files[0][1]
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def packaged_names() -> tuple[str, ...]:
    """The names of the sets that ship with Sentinel."""
    return tuple(sorted(path.name.removesuffix(".csv.gz") for path in _SETS.glob("*.csv.gz")))


@cache
def packaged(name: str = DEFAULT) -> PriceHistory:
    """A named set that ships with Sentinel. Raises PriceFault if there is none of this name."""
    if name not in packaged_names():
        raise PriceFault(f"no packaged set {name!r}: there are {', '.join(packaged_names()) or 'none'}", None)
    return read_prices([_SETS / f"{name}.csv.gz"], name)


def _named(paths: Sequence[Path]) -> str:
    return paths[0].name if len(paths) == 1 else f"{paths[0].name}..{paths[-1].name}"


def _raise(fault: PriceFault) -> None:
    raise fault
