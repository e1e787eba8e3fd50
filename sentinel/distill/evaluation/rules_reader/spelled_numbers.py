"""Numbers that are written in words or with marks, as plain digits: "sixty-five thousand", "3.1k", "48 000"."""

from __future__ import annotations

import re
from decimal import Decimal

_TO_TEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TEENS = ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_ONES = {word: value for value, word in enumerate((*_TO_TEN, *_TEENS))}
_TENS = {
    word: 10 * count
    for count, word in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
}
_SCALES = {"hundred": 100, "thousand": 1_000, "grand": 1_000, "million": 1_000_000}
_SMALL = {**_ONES, **_TENS}
_WORDS = "|".join(sorted({*_SMALL, *_SCALES}, key=len, reverse=True))
_SPELLED = re.compile(
    rf"(?<!\d )(?<![\d.])\b(?:a (?=hundred|thousand|grand|million|dozen))?(?:{_WORDS})(?:[ -](?:and )?(?:{_WORDS}))*"
    rf"(?: and a half)?\b"
)
_POINT = re.compile(rf"\b(\d+) point ((?:(?:{'|'.join(_ONES)}|\d) ?)+)\b")
_MARKED = re.compile(
    r"(?<![\w.])(\d{1,3}(?:[, ']\d{3})+(?:\.\d+)?|[1-9]\d{0,2}(?:\.\d{3})+(?![\d%])|\d+(?:\.\d+)?|\.\d+)"
    r"(?: ?(k|m|mil|grand|thousand|hundred|million)\b)?"
)
_SCALE_OF = {"k": 1_000, "m": 1_000_000, "mil": 1_000_000, **_SCALES}
_COINS_FOLLOW = re.compile(r" ?(?:w?eth|ethers?|ethereum|w?btc|bitcoins?|%|percent|pct|bps)\b|%")


def digits(text: str) -> str:
    """`text`, in lower case, with each number in plain digits."""
    text = text.replace("a couple of", "2").replace("a dozen", "12").replace("dozen", "12")
    text = _SPELLED.sub(lambda found: f"{_spelled(found.group())} ".rstrip(), text)
    text = _POINT.sub(lambda found: f"{found[1]}.{''.join(str(_ONES.get(d, d)) for d in found[2].split())}", text)
    text = re.sub(r"\b(\d+) and a half\b", r"\1.5", text)
    return _MARKED.sub(_plain, text)


def _spelled(words: str) -> str:
    half = words.endswith(" and a half")
    total = current = 0
    parts = re.split(r"[ -]", words.removesuffix(" and a half"))
    for word in parts:
        if word in _SMALL:
            current += _SMALL[word]
        elif word == "hundred":
            current = (current or 1) * 100
        elif word in _SCALES:
            total, current = total + (current or 1) * _SCALES[word], 0
    if words in ("and", "a"):
        return words
    return f"{total + current}{'.5' if half else ''}"


def _plain(found: re.Match[str]) -> str:
    number, scale = found[1], found[2]
    after = found.string[found.end() :]
    if re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", number) and (
        scale is not None or (number.count(".") == 1 and _COINS_FOLLOW.match(after))
    ):
        value = Decimal(number)  # 1.250 ether, 1.500k
    elif re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", number):
        value = Decimal(number.replace(".", ""))
    else:
        value = Decimal(re.sub(r"[, ']", "", number))
    if scale == "m" and not found.string[: found.start()].rstrip().endswith("$"):
        return f"{value.normalize():f} m"  # minutes
    return f"{(value * (_SCALE_OF[scale] if scale else 1)).normalize():f}"
