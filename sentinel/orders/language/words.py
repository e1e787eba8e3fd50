"""Numbers, durations and times as an order's reading writes them, each in exactly one way."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
NUMBER = r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
TIME = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})?"


def number(value: Decimal) -> str:
    """1,482.1: thousands by commas, no trailing zeros."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(fraction: Decimal) -> str:
    return f"{number(fraction * 100)}%"


def duration(seconds: int) -> str:
    """In the largest unit that divides it: 5400 -> '90 minutes'."""
    count, unit = _in_unit(seconds)
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def each(seconds: int) -> str:
    """As an adjective: 60 -> '1-minute'."""
    count, unit = _in_unit(seconds)
    return f"{count}-{unit}"


def time(seconds: int) -> str:
    """Unix seconds as UTC, without seconds where they are 0."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds % 60 else "%Y-%m-%d %H:%M") + " UTC"


def read_number(text: str) -> Decimal:
    """The inverse of `number`; thousands need no commas."""
    return Decimal(text.replace(",", ""))


def read_time(text: str) -> int:
    """Unix seconds of '2026-12-24 18:00' in UTC. Raises ValueError for a date that does not exist."""
    return int(datetime.fromisoformat(re.sub(" ", "T", text, count=1)).replace(tzinfo=UTC).timestamp())


def _in_unit(seconds: int) -> tuple[int, str]:
    for unit, length in reversed(UNITS.items()):
        if seconds % length == 0 and seconds:
            return seconds // length, unit
    return seconds, "second"
