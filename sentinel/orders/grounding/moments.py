"""Dates with a time of day, in UTC, as operators write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_CLOCK = r"(?:,? (?:at )?\d{1,2}:\d{2}(?::\d{2})?)?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
MOMENT = rf"(?i:\b(?:\d{{4}}-\d{{2}}-\d{{2}}|{_DAY} (?:of )?{_MONTH},? \d{{4}}|{_MONTH} {_DAY},? \d{{4}}){_CLOCK})"
_PARTS = re.compile(r"\d+|[a-z]+", re.IGNORECASE)


def read_moment(text: str) -> int | None:
    """Unix seconds; None for a date that does not exist. Without a time of day it is midnight."""
    date, _, clock = text.partition(":") if ":" in text else (text, "", "")
    words = [word.lower() for word in _PARTS.findall(date) if word.lower() not in ("of", "at", "st", "nd", "rd", "th")]
    hour = int(words.pop()) if clock else 0
    minute, *second = [int(part) for part in clock.split(":")] if clock else [0]
    month = next((_MONTHS.index(word[:3]) + 1 for word in words if word[:3] in _MONTHS), 0)
    numbers = [int(word) for word in words if word.isdigit()]
    try:
        year = next(number for number in numbers if number > 31)
        rest = [number for number in numbers if number <= 31]
        day = rest[0] if month else rest[1]
        return int(datetime(year, month or rest[0], day, hour, minute, (*second, 0)[0], tzinfo=UTC).timestamp())
    except (ValueError, StopIteration, IndexError):
        return None
