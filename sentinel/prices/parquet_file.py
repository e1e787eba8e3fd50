"""Price files in Parquet, with the columns of the CSV form. Needs the extra `parquet`."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.core.errors import OperatorError, PriceFault
from sentinel.prices.bar import Bar, OnFault, Row, check_order, checked, minute_of
from sentinel.prices.csv_file import COLUMNS, LIQUIDITY

if TYPE_CHECKING:
    import pyarrow

ENDING = ".parquet"


def parquet_rows(path: Path, content: bytes, fault: OnFault) -> Iterator[Row]:
    """The rows of a file with these bytes, in its order; `line` counts rows from 1. Wrong things go to `fault`.

    Raises OperatorError without pyarrow.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise OperatorError(
            f"{path}: Parquet needs pyarrow; install the extra: pip install 'sentinel-trader[parquet]'"
        ) from error
    try:
        table: pyarrow.Table = parquet.ParquetFile(io.BytesIO(content)).read()
    except (ArrowException, OSError) as error:
        fault(PriceFault(f"this is no Parquet file: {str(error).splitlines()[0]}", path))
        return
    names = tuple(table.column_names)
    if sorted(names) not in (sorted(COLUMNS), sorted((*COLUMNS, LIQUIDITY))):
        wanted = f"{', '.join(COLUMNS)} and perhaps {LIQUIDITY}"
        fault(PriceFault(f"the columns are {', '.join(names)[:120]}, not {wanted}", path))
        return
    last: int | None = None
    line = 0
    for batch in table.to_batches():
        for values in batch.to_pylist():
            line += 1
            row = _row(path, line, values, fault)
            if row is None:
                continue
            if (wrong := check_order(path, line, row.time, last)) is not None:
                fault(wrong)
            last = row.time if last is None else max(last, row.time)
            yield row
    if not line:
        fault(PriceFault("the file holds no minute", path))


def _row(path: Path, line: int, values: Mapping[str, Any], fault: OnFault) -> Row | None:
    time: int | None = None
    try:
        time = _time(values["time"])
        opened, high, low, close, volume = (_number(values, name) for name in COLUMNS[1:])
        liquidity = _integer(values[LIQUIDITY]) if LIQUIDITY in values else None
        return Row(line, time, checked(Bar(time, opened, high, low, close, volume, liquidity)))
    except ValueError as error:
        fault(PriceFault(str(error), path, line))
    return None if time is None else Row(line, time, None)


def _time(value: object) -> int:
    """Unix seconds of an integer or of a timestamp in UTC."""
    if value is None:
        raise ValueError("time is blank")
    if isinstance(value, dt.datetime):
        if value.utcoffset():
            raise ValueError(f"time {value.isoformat()} is not in UTC")
        seconds = value.replace(tzinfo=dt.UTC).timestamp()
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"time {value!r} is neither unix seconds nor a timestamp")
    else:
        seconds = float(value)
    if not math.isfinite(seconds) or seconds < 0 or seconds != int(seconds):
        raise ValueError(f"time {value} is not the start of a minute")
    return minute_of(int(seconds))


def _number(values: Mapping[str, object], name: str) -> float:
    value = values[name]
    if value is None:
        raise ValueError(f"{name} is blank")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} {value!r} is not a number")
    return float(value)


def _integer(value: object) -> int:
    """L does not fit 64 bits on some pools, so text is read too."""
    if value is None:
        raise ValueError(f"{LIQUIDITY} is blank")
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{LIQUIDITY} {value!r} is not an integer")
    return value
