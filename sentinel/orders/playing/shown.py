"""Values as an explanation shows them: rounded for the eye, with their unit."""

from __future__ import annotations

from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.orders.language.reading import expression_text
from sentinel.orders.language.words import UNITS, duration, number
from sentinel.orders.typed.expressions import Constant, Expression, Kind, Unit, unit

_SIGNIFICANT = 4  # digits of a value below 1


def shown(value: Decimal, of: Unit, quote: Symbol) -> str:
    """1482.1 quote tokens -> '1,482.10 USDC'."""
    match of.kind:
        case Kind.QUOTE:
            return f"{money(value)} {quote}"
        case Kind.RATIO:
            return f"{value * 100:,.2f}%"
        case Kind.COINS:
            return f"{coins(value)} {of.coin}"
        case Kind.GWEI:
            return f"{money(value)} gwei"
        case Kind.SECONDS:
            return span(value)
        case Kind.NUMBER:
            return number(round(value, 2))


def money(value: Decimal) -> str:
    return f"{value:,.2f}" if abs(value) >= 1 or not value else f"{value:.{_SIGNIFICANT}g}"


def coins(value: Decimal) -> str:
    """With at most eight decimals, rounded down: more cannot be traded."""
    return number(value.quantize(Decimal("1e-8"), rounding="ROUND_DOWN"))


def span(seconds: Decimal) -> str:
    """A duration for the eye: two units at most."""
    if not seconds.is_finite():
        return "no trade yet"
    whole = max(1, round(seconds))
    for length, smaller in ((86_400, 3_600), (3_600, 60), (60, 1)):
        if whole >= length:
            first, rest = whole // length * length, whole % length // smaller * smaller
            return " ".join(_in_units(part, least) for part, least in ((first, length), (rest, smaller)) if part)
    return duration(whole)


def _in_units(seconds: int, length: int) -> str:
    """'26 hours' where `length` is an hour, although no other unit divides it less."""
    name = next(name for name, own in UNITS.items() if own == length)
    count = seconds // length
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def with_value(expression: Expression, value: Decimal, quote: Symbol) -> str:
    """'the price of WETH (1,482.10 USDC)'; a constant stands for itself."""
    text = expression_text(expression, quote)
    return text if isinstance(expression, Constant) else f"{text} ({shown(value, unit(expression), quote)})"
