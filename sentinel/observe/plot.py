"""Plots by matplotlib: a common style, and SVG text that is the same for the same data.

matplotlib comes with the extra `plot` and is imported by the first plot. Callers draw on its axes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sentinel.core.errors import OperatorError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

INK, FAINT, ACT, HOLD, GOOD, WARM = "#1f2937", "#d1d5db", "#2563eb", "#9ca3af", "#059669", "#d97706"
MISSING = "plots need matplotlib, which is not installed: pip install sentinel-trader[plot]"
SIZE = (6.6, 4.4)  # inches
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "sentinel",  # the ids within a file are random otherwise
    "svg.fonttype": "none",  # text stays text
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def require() -> None:
    """Raise OperatorError if matplotlib is missing. Call it before long work that ends in a plot."""
    if find_spec("matplotlib") is None:
        raise OperatorError(MISSING)


def axes(title: str, x_label: str, y_label: str) -> Axes:
    """Axes of an empty plot. Raises OperatorError if matplotlib is missing."""
    require()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        empty = Figure(figsize=SIZE, layout="constrained").add_subplot()
        empty.set(title=title, xlabel=x_label, ylabel=y_label)
    return empty


def percent(axis: Axis) -> None:
    """Show a share between 0 and 1 as percent on `axis`."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def shares(
    drawn: Axes,
    points: Sequence[tuple[float, Mapping[str, Any]]],
    *,
    field: str = "share",
    fmt: str = "o-",
    gid: str | None = None,
    **look: Any,
) -> None:
    """Draw points (x, share) with a whisker from "low" to "high" each. `gid` is the id of their line in the SVG."""
    bars = [(x, of[field], of[field] - of["low"], of["high"] - of[field]) for x, of in points]
    if bars:
        x, y, below, above = zip(*bars, strict=True)
        line = drawn.errorbar(x, y, yerr=(below, above), fmt=fmt, markersize=5, **look).lines[0]
        line.set_gid(gid)


def svg(drawn: Axes) -> str:
    """The plot as SVG text, with a legend if anything is labelled."""
    from matplotlib import rc_context

    if drawn.get_legend() is None and drawn.get_legend_handles_labels()[0]:
        drawn.legend(frameon=False, fontsize=9)
    text = io.StringIO()
    with rc_context(STYLE):
        drawn.get_figure(root=True).savefig(text, format="svg", metadata={"Date": None, "Creator": None})  # type: ignore[union-attr]
    return "".join(line.rstrip() + "\n" for line in text.getvalue().splitlines())
