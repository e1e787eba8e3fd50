"""Everything that is wrong in a price file, and what it lacks, for `sentinel data check`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sentinel.core.errors import PriceFault
from sentinel.prices.bar import text_of
from sentinel.prices.bars import Gap, gaps_of, read_bytes, rows_of


@dataclass(frozen=True, slots=True)
class FileReport:
    """`first` and `last` are unix seconds; None if no line has a time."""

    path: Path
    sha256: str
    minutes: int  # that can be played
    first: int | None
    last: int | None
    faults: tuple[PriceFault, ...]
    gaps: tuple[Gap, ...]  # minutes that no line has; a line with a fault is no gap

    @property
    def span(self) -> str:
        """The first and the last minute, as text."""
        if self.first is None or self.last is None:
            return "no minute"
        return f"{text_of(self.first)} to {text_of(self.last)}"


def check_file(path: Path) -> FileReport:
    """Read the whole file, and go on after each fault. Raises OperatorError if a needed extra is missing."""
    try:
        content = read_bytes(path)
    except PriceFault as fault:
        return FileReport(path, "", 0, None, None, (fault,), ())
    faults: list[PriceFault] = []
    rows = list(rows_of(path, content, faults.append))
    times = sorted({row.time for row in rows})
    return FileReport(
        path,
        hashlib.sha256(content).hexdigest(),
        sum(row.bar is not None for row in rows),
        times[0] if times else None,
        times[-1] if times else None,
        tuple(faults),
        tuple(gaps_of(times)),
    )
