"""Check the arguments that a model wrote for a tool, and round the answers that its code will print.

A wrong argument raises CodeFault. Its message says what is expected and shows at most 32 printable characters.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import ParamSpec, TypeVar

from sentinel.core.errors import CodeFault
from sentinel.core.units import BPS
from sentinel.core.untrusted_text import one_line

MAX_AMOUNT = 1e15  # whole tokens; no wallet holds more

P = ParamSpec("P")
R = TypeVar("R")


def checked_tool(tool: Callable[P, R]) -> Callable[P, R]:
    """`tool`, with CodeFault for wrong arguments. A TypeError inside the tool passes through: it is our own fault."""

    @functools.wraps(tool)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            inspect.signature(tool).bind(*args, **kwargs)  # here, because most tools of a run are never called
        except TypeError as error:
            raise CodeFault(f"{tool.__name__}: {error}") from None
        return tool(*args, **kwargs)

    return call


def parse_amount(value: object) -> float:
    """An amount in whole tokens, above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CodeFault(f"an amount is a number, not {shown(value)}")
    if not 0 < value <= MAX_AMOUNT:  # NaN compares false
        raise CodeFault("an amount is a finite number above 0")
    return float(value)


def parse_bps(value: object) -> float:
    """Basis points, above 0 and below 10,000."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < BPS:
        raise CodeFault("bps is a number above 0 and below 10000")
    return float(value)


def parse_count(value: object, name: str, maximum: int | None = None) -> int:
    """A whole number from 1, and up to `maximum` if it is given."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1 or (maximum is not None and value > maximum):
        raise CodeFault(f"{name} is a whole number from 1" + (f" to {maximum}" if maximum is not None else ""))
    return value


def parse_label(value: object) -> str:
    """The label of a venue, of at most 32 characters."""
    if not isinstance(value, str) or not 0 < len(value) <= 32:
        raise CodeFault(f"unknown venue {shown(value)}")
    return one_line(value, 32)


def parse_labels(value: object) -> list[str]:
    """A list of 1 to 8 labels of venues."""
    if not isinstance(value, list | tuple) or not 0 < len(value) <= 8:
        raise CodeFault("venues is a list of labels")
    return [parse_label(label) for label in value]


def shown(value: object) -> str:
    """A value as an error message shows it: a text shortened to 32 characters, else the name of its type."""
    return one_line(value, 32) if isinstance(value, str) else type(value).__name__


def rounded(value: float, digits: int) -> float:
    """Round to `digits` significant digits. Raises CodeFault for an infinity or NaN."""
    if not math.isfinite(value):
        raise CodeFault("the answer is not a finite number")
    return float(f"{value:.{digits}g}")


def rounded_down(value: Decimal, digits: int = 8) -> float:
    """Round down to `digits` significant digits; never below 0."""
    if value <= 0:
        return 0.0
    return float(value.quantize(Decimal((0, (1,), value.adjusted() - digits + 1)), ROUND_DOWN))
