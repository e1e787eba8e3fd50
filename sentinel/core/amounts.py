"""Conversion between whole tokens and base units, and filtering of untrusted text.

People and the student use whole tokens. All other code uses base units.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from sentinel.core.errors import ActionFault

MAX_BASE_UNITS = (1 << 128) - 1  # above every real supply; keeps hostile numbers out of the arithmetic
_PLAIN = re.compile(r"[0-9]{1,40}(\.[0-9]{1,80})?", re.ASCII)


def to_base_units(amount: object, decimals: int) -> int:
    """Convert whole tokens to base units, rounded down, so that the result never exceeds the request.

    Accepts int, float or plain decimal text ("1.25"). Raises ActionFault for NaN, infinities, negative numbers,
    amounts above MAX_BASE_UNITS, booleans and other types.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float | str):
        raise ActionFault(f"an amount is a number, not {type(amount).__name__}")
    if isinstance(amount, float) and not math.isfinite(amount):
        raise ActionFault("the amount is not finite")
    if isinstance(amount, str) and not _PLAIN.fullmatch(amount):
        raise ActionFault("the amount is not a plain decimal number")
    if not isinstance(amount, str) and amount < 0:
        raise ActionFault("the amount is negative")
    if isinstance(amount, int):
        base: int = amount * 10**decimals
    else:
        sign, digits, exponent = Decimal(amount if isinstance(amount, str) else repr(amount)).as_tuple()
        assert not sign or not any(digits)
        assert isinstance(exponent, int)
        shift = exponent + decimals
        mantissa = int("".join(map(str, digits)))
        base = mantissa * 10**shift if shift >= 0 else mantissa // 10**-shift
    if base > MAX_BASE_UNITS:
        raise ActionFault("the amount is larger than any supply")
    return base


def to_whole(amount: int, decimals: int) -> float:
    """Convert base units to whole tokens, for people, prompts and comparisons only: a float is not exact."""
    return float(amount / 10**decimals)


def printable(text: str, cap: int = 32) -> str:
    """Reduce untrusted text (symbols, revert strings) to at most `cap` printable ASCII characters."""
    return "".join(c for c in text[: 16 * cap] if " " <= c <= "~")[:cap]
