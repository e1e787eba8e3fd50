"""Price files in CSV, plain or gzipped: the documented form (OHLCV minutes), and the tick form of a Uniswap V3 pool.

Reading is strict: what is not understood is a fault with its file and line, and never left out.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import math
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sentinel.core.errors import PriceFault
from sentinel.prices.bar import Bar, OnFault, Row, check_order, checked, minute_of

COLUMNS = ("time", "open", "high", "low", "close", "volume")
LIQUIDITY = "liquidity"  # an optional last column
TICK_COLUMNS = (
    "timestamp", "netAmount0", "netAmount1", "closeTick", "openTick", "lowestTick", "highestTick", "inAmount0",
    "inAmount1", "currentLiquidity",
)  # fmt: skip
ENDINGS = (".csv", ".csv.gz")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER = re.compile(r"([+-]?\d+)(\.0+)?", re.ASCII)  # some sources write their integers as 197030.0
_SECONDS = re.compile(r"\d{1,12}(\.0+)?", re.ASCII)
_UTC = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.0+)?)?(Z|[+-]00:?00)?", re.ASCII)
_MAX_TICK = 887_272
_MAX_DIGITS = 80
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

Parse = Callable[[int, Mapping[str, str]], Bar]


def csv_rows(path: Path, content: bytes, fault: OnFault) -> Iterator[Row]:
    """The rows of a file with these bytes, in its order. What is wrong goes to `fault`, which may raise it."""
    records = _records(path, _text(path, content, fault), fault)
    _, header = next(records, (0, None))
    if header is None:
        fault(PriceFault("the file is empty", path, 1))
        return
    parse = _form(header)
    if parse is None:
        wanted = f"{','.join(COLUMNS)}[,{LIQUIDITY}]"
        fault(PriceFault(f"the header is {','.join(header)[:120]!r}, not {wanted!r} nor the tick form's", path, 1))
        return
    last: int | None = None
    for line, fields in records:
        row = _row(path, line, header, fields, parse, fault)
        if row is None:
            continue
        if (wrong := check_order(path, line, row.time, last)) is not None:
            fault(wrong)
        last = row.time if last is None else max(last, row.time)
        yield row


def _text(path: Path, content: bytes, fault: OnFault) -> str:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            fault(PriceFault(f"the compressed file is damaged: {error}", path))
            return ""
    if content.startswith(_MARKS):
        fault(PriceFault("the file begins with a byte-order mark: save it as UTF-8 without one", path, 1))
        content = content.removeprefix(_MARKS[0])
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fault(PriceFault(f"byte 0x{content[error.start]:02x} belongs to no number, time or header", path, line))
        return content.decode("ascii", "replace")


def _records(path: Path, text: str, fault: OnFault) -> Iterator[tuple[int, list[str]]]:
    """Each line's number and fields. No field holds a line break, so each line is read by itself."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()  # after the last line break
    for number, line in enumerate(lines, 1):
        line = line.removesuffix("\r")
        if line and '"' not in line:
            yield number, line.split(",")
            continue
        try:
            yield number, next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            fault(PriceFault(f"this is no CSV: {error}", path, number))


def _form(header: Sequence[str]) -> Parse | None:
    if tuple(header) == TICK_COLUMNS:
        return _tick_bar
    return _ohlcv_bar if tuple(header) in (COLUMNS, (*COLUMNS, LIQUIDITY)) else None


def _row(
    path: Path, line: int, header: Sequence[str], fields: Sequence[str], parse: Parse, fault: OnFault
) -> Row | None:
    time: int | None = None
    try:
        if not fields:
            raise ValueError("the line is blank")
        if len(fields) != len(header):
            raise ValueError(f"{len(fields)} values under a header of {len(header)}")
        by_name = dict(zip(header, fields, strict=True))
        time = time_of(by_name[header[0]])
        return Row(line, time, checked(parse(time, by_name)))
    except ValueError as error:
        fault(PriceFault(str(error), path, line))
    return None if time is None else Row(line, time, None)


def _ohlcv_bar(time: int, row: Mapping[str, str]) -> Bar:
    opened, high, low, close, volume = (_number(row, name) for name in COLUMNS[1:])
    liquidity = _integer(row, LIQUIDITY) if LIQUIDITY in row else None
    return Bar(time, opened, high, low, close, volume, liquidity)


def _tick_bar(time: int, row: Mapping[str, str]) -> Bar:
    """Of a pool with USDC (6 decimals) as token0 and WETH (18) as token1, so a higher tick is a lower price.

    The source counts the last swap of a minute in closeTick and not always in lowestTick and highestTick.
    """
    opened, close = _tick(row, "openTick"), _tick(row, "closeTick")
    lowest, highest = _tick(row, "lowestTick"), _tick(row, "highestTick")
    if not lowest <= opened <= highest:
        raise ValueError(f"openTick {opened} is outside lowestTick {lowest} to highestTick {highest}")
    paid_in, net = _integer(row, "inAmount0"), _integer(row, "netAmount0")
    if paid_in < max(net, 0) or _integer(row, "inAmount1") < max(_integer(row, "netAmount1"), 0):
        raise ValueError("inAmount is below netAmount or negative")
    return Bar(
        time,
        price_of_tick(opened),
        price_of_tick(min(lowest, close)),
        price_of_tick(max(highest, close)),
        price_of_tick(close),
        (2 * paid_in - net) / 1e6,  # what was paid in and what was paid out
        _integer(row, "currentLiquidity"),
    )


def price_of_tick(tick: int) -> float:
    """USDC per WETH at a tick of the pool of the tick form."""
    return 1e12 / 1.0001**tick


def time_of(text: str) -> int:
    """Unix seconds of a minute, from unix seconds or an ISO time in UTC. Raises ValueError with what is wrong."""
    if not text.strip():
        raise ValueError("time is blank")
    if _SECONDS.fullmatch(text):
        return minute_of(int(text.partition(".")[0]))
    if not _UTC.fullmatch(text):
        raise ValueError(f"time {text[:40]!r} is neither unix seconds nor an ISO time in UTC")
    moment = dt.datetime.fromisoformat(text)
    return minute_of(int(moment.replace(tzinfo=dt.UTC).timestamp()))


def _number(row: Mapping[str, str], name: str) -> float:
    text = row[name]
    if not text.strip():
        raise ValueError(f"{name} is blank")
    if not _NUMBER.fullmatch(text) or len(text) > _MAX_DIGITS or not math.isfinite(number := float(text)):
        raise ValueError(f"{name} {text[:40]!r} is not a number")
    return number


def _integer(row: Mapping[str, str], name: str) -> int:
    text = row[name]
    if not text.strip():
        raise ValueError(f"{name} is blank")
    whole = _INTEGER.fullmatch(text)
    if whole is None or len(text) > _MAX_DIGITS:
        raise ValueError(f"{name} {text[:40]!r} is not an integer")
    return int(whole[1])


def _tick(row: Mapping[str, str], name: str) -> int:
    tick = _integer(row, name)
    if abs(tick) > _MAX_TICK:
        raise ValueError(f"{name} {tick} is beyond the ticks of a pool")
    return tick
