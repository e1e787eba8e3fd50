"""The numbers in an operator's words and those that an order needs, read apart from the code that wrote the words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from sentinel.distill.orders.order_parts import parts
from sentinel.orders.typed.actions import Coins, Rebalance, Share, Trim, Worth
from sentinel.orders.typed.conditions import ClosesBeyond, Streak
from sentinel.orders.typed.expressions import RATIO, SECONDS, Constant, Scaled, Statistic, Window
from sentinel.orders.typed.order import Order, Slices

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: number for number, word in enumerate(_SMALL)} | dict(zip(_TENS, range(20, 100, 10), strict=True))
_FRACTIONS = {"half": "0.5", "quarter": "0.25", "tenth": "0.1", "fifth": "0.2", "eighth": "0.125", "twentieth": "0.05"}
_FRACTIONS |= {"hundredth": "0.01", "quarters": "0.25", "fifths": "0.2", "tenths": "0.1"}
_DIGITS = re.compile(r"\d+(?:[ ,.]\d{3})*(?![\d])(?:\.\d+)?|\d*\.?\d+")
_SCALES: dict[str, int | Decimal] = {"k": 1_000, "grand": 1_000, "thousand": 1_000, "hundred": 100}
_SCALES["bps"] = Decimal("0.01")


def said(text: str) -> set[Decimal]:
    """All numbers that the words can mean."""
    found = set(_in_digits(text)) | set(_in_words(text.lower()))
    return found | {Decimal(value) for value in _fractions(text.lower())}


def _in_digits(text: str) -> Iterator[Decimal]:
    for match in _DIGITS.finditer(text):
        after = re.match(r"\s*(k\b|k\$|grand|thousand|hundred|bps)?", text[match.end() :], re.IGNORECASE)
        scale = Decimal(_SCALES.get((after[1] or "").lower().rstrip("$"), 1)) if after else Decimal(1)
        plain = match.group()
        yield Decimal(re.sub("[ ,]", "", plain)) * scale
        if re.fullmatch(r"\d{1,3}(?:[ .]\d{3})+", plain):
            yield Decimal(re.sub("[ .]", "", plain)) * scale
            yield from (Decimal(part) * scale for part in plain.split(" "))


def _in_words(text: str) -> Iterator[Decimal]:
    total, current, counted = 0, 0, False
    for word in [*re.findall(r"[a-z]+|[.,;:$%>/&+\d]", text.replace(" and a half", " point5")), ""]:
        if word in _WORDS:
            if counted and current % 10 and _WORDS[word] < 10:
                yield Decimal(total + current)
                total, current = 0, 0
            current, counted = current + _WORDS[word], True
        elif word in ("hundred", "thousand") and counted:
            scale = int(_SCALES[word])
            total, current = (total + current * 1_000, 0) if scale == 1_000 else (total, current * 100)
        elif word == "point" and counted:
            yield Decimal(total + current) + Decimal("0.5")
        elif word != "and" and counted:
            yield Decimal(total + current)
            total, current, counted = 0, 0, False


def _fractions(text: str) -> Iterator[str]:
    for count, part in re.findall(r"(\w+)?[ -]?\b(" + "|".join(_FRACTIONS) + r")\b", text):
        times = _WORDS.get(count, 1)
        share = Decimal(_FRACTIONS[part]) * times
        yield from (f"{share}", f"{share * 100}")


def needed(order: Order, numbers: set[Decimal]) -> Iterator[Decimal]:
    """What the words of an order have to say, but for times, defaults, and what follows from `numbers` of the words."""
    yield from (size.quote for size in parts(order, Worth))
    yield from (size.number for size in parts(order, Coins))
    yield from (size.fraction * 100 for size in parts(order, Share) if size.fraction != 1)
    yield from (Decimal(slices.parts) for slices in parts(order, Slices))
    runs: list[Streak | ClosesBeyond] = [*parts(order, Streak), *parts(order, ClosesBeyond)]
    yield from (Decimal(run.closes) for run in runs)
    for constant in parts(order, Constant):
        if constant.unit != SECONDS and constant.value:
            yield abs(constant.value) * (100 if constant.unit == RATIO else 1)
    for scaled in parts(order, Scaled):
        if not isinstance(scaled.of, Window) or scaled.of.statistic is Statistic.MEAN:
            yield abs(scaled.factor - 1) * 100
    yield from (Decimal(w.bars) for w in parts(order, Window) if w.statistic is not Statistic.RSI)
    for action in parts(order, Rebalance):
        target, band = action.weights[0][1] * 100, action.band * 100
        yield target
        if band and not {target - band, target + band} <= numbers:
            yield band
    yield from (action.share * 100 for action in parts(order, Trim))
    limits = (order.reserve, order.max_trade, order.min_trade, order.max_day)
    yield from (limit for limit in limits if limit is not None)
    yield from (share * 100 for _, share in order.max_shares)
