"""The orders of a backtest: given ones, or a preset with a grid of parameters."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sentinel.core.errors import OperatorError
from sentinel.core.network import Network, Symbol
from sentinel.daemon.approved_order import read_order
from sentinel.orders.language.phrases import Phrases, Unread
from sentinel.orders.language.presets import Parameters, preset
from sentinel.orders.language.reading import render

MAX_POINTS = 256  # of a grid
DEFAULT = "rebalance"


@dataclass(frozen=True, slots=True)
class NamedOrder:
    name: str  # short, for tables
    reading: str


def given(texts: Sequence[str], network: Network) -> tuple[NamedOrder, ...]:
    """The readings of these orders, named by their place. Raises SettingsError for a text that is no order."""
    readings = [render(read_order(text, network, where="")) for text in texts]
    return tuple(NamedOrder(f"order {place}", reading) for place, reading in enumerate(readings, 1))


def gridded(name: str, grids: Sequence[str], coin: Symbol, network: Network) -> tuple[NamedOrder, ...]:
    """A preset at each point of the grids, such as 'band=1%,2%,5%'. Without a grid, the preset as it is.

    Raises OperatorError for a parameter that no preset has, a value that it cannot have, and two points that make the
    same order: then the preset does not read that parameter.
    """
    axes = [_axis(grid, network.quote) for grid in grids]
    if len({axis[0] for axis in axes}) < len(axes):
        raise OperatorError("--grid names a parameter twice: write all of its values in one, e.g. band=1%,2%")
    points = list(itertools.product(*(values for _, values in axes)))
    if len(points) > MAX_POINTS:
        raise OperatorError(f"--grid has {len(points):,} points, at most {MAX_POINTS}")
    base = Parameters(network.quote, coin)
    found: dict[str, str] = {}
    for point in points:
        changed = dict(zip((axis for axis, _ in axes), (value for _, value in point), strict=True))
        text = ", ".join(f"{axis}={shown}" for (axis, _), (shown, _) in zip(axes, point, strict=True))
        reading = preset(name, _with(base, changed))
        if reading in found.values():
            raise OperatorError(f"--grid: preset {name} makes the same order of {text} and another point: {reading}")
        found[text or name] = reading
    return tuple(NamedOrder(text, reading) for text, reading in found.items())


def _with(base: Parameters, changed: Mapping[str, Any]) -> Parameters:
    values = dict(changed)
    if (weight := values.pop("weight", None)) is not None:
        values["weights"] = {base.coin: weight}
    return replace(base, **values)


def _axis(grid: str, quote: Symbol) -> tuple[str, list[tuple[str, Any]]]:
    """'band=1%,2%' -> ('band', [('1%', 0.01), ('2%', 0.02)])"""
    axis, _, text = grid.partition("=")
    axis, texts = axis.strip(), [part.strip() for part in text.split(",") if part.strip()]
    if axis not in _VALUES or not texts:
        raise OperatorError(f"--grid {grid}: write PARAMETER=VALUE,VALUE,… with one of {', '.join(_VALUES)}")
    try:
        return axis, [(part, _VALUES[axis](part, quote)) for part in texts]
    except (ArithmeticError, ValueError, Unread):
        raise OperatorError(f"--grid {grid}: not every value is one of {axis}, such as {_EXAMPLES[axis]}") from None


def _share(text: str, quote: Symbol) -> Decimal:
    value = _number(text.removesuffix("%"), quote)
    return value / 100 if text.endswith("%") else value


def _number(text: str, quote: Symbol) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or value < 0:
        raise ValueError(text)
    return value


def _seconds(text: str, quote: Symbol) -> int:
    return Phrases(text, quote).duration()


def _parts(text: str, quote: Symbol) -> int:
    return int(text)


_VALUES = {
    "band": _share,
    "threshold": _share,
    "weight": _share,
    "size": _number,
    "profit": _number,
    "over": _seconds,
    "every": _seconds,
    "parts": _parts,
}
_EXAMPLES = {
    "band": "5%",
    "threshold": "1%",
    "weight": "60%",
    "size": "100",
    "profit": "2",
    "over": "10 minutes",
    "every": "1 hour",
    "parts": "12",
}
