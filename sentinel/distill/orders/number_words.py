"""Numbers and fractions in words, as operators write them."""

from __future__ import annotations

from decimal import Decimal

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_PARTS = {  # of one coin, and of a holding
    Decimal("0.5"): "half",
    Decimal("0.25"): "a quarter",
    Decimal("0.1"): "a tenth",
    Decimal("0.2"): "a fifth",
    Decimal("0.75"): "three quarters",
    Decimal("0.125"): "an eighth",
    Decimal("0.05"): "a twentieth",
    Decimal("0.01"): "a hundredth",
    Decimal("0.4"): "two fifths",
    Decimal("0.3"): "three tenths",
}


def fraction_words(fraction: Decimal) -> str | None:
    """'a quarter'; None if there is no usual word for it."""
    return _PARTS.get(fraction)


def in_words(value: Decimal) -> str | None:
    """'two hundred and fifty', 'five thousand', 'two and a half'; None if nobody writes this number so."""
    if value == Decimal("0.5"):
        return "half a"
    whole = int(value)
    if value != whole:
        half = value - whole == Decimal("0.5")
        return f"{_below_thousand(whole)} and a half" if half and 0 < whole < 100 else None
    if whole < 1_000:
        return _below_thousand(whole) if whole <= 100 or whole % 50 == 0 else None
    if whole % 1_000 == 0 and whole <= 100_000:
        return f"{_below_thousand(whole // 1_000)} thousand"
    if whole % 100 == 0 and whole < 2_000:
        return f"{_below_thousand(whole // 100)} hundred"
    return (
        f"{_below_thousand(whole // 1_000)} thousand five hundred" if whole % 1_000 == 500 and whole < 10_000 else None
    )


def _below_thousand(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{_ONES[hundreds]} hundred" + (f" and {_below_thousand(rest)}" if rest else "")
