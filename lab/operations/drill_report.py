"""Report of the drill: docs/operations/*.svg, and the table between the marks in docs/operations.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.operations.prometheus import Prometheus, Series
from sentinel.observe import plot
from sentinel.observe.template import render

TABLE = Path(__file__).with_name("faults.md.j2")
COLOURS = (plot.ACT, plot.WARM, plot.GOOD, plot.HOLD, plot.INK, "#be123c", "#7c3aed", "#0891b2")
STAGE = 'sum by (le) (rate(sentinel_cycle_seconds_bucket{stage="total"}[1m]))'
PICTURES: Mapping[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {  # file -> title, axis, (query, legend)
    "equity": (
        "Equity against buy-and-hold",
        "quote tokens",
        (("sentinel_equity", "equity"), ("sentinel_equity_hold", "doing nothing")),
    ),
    "heads": ("Age of the newest head", "seconds", (("sentinel_head_age_seconds", "age"),)),
    "ready": ("What /readyz says", "1: passes", (("sentinel_readiness_check", "{check}"),)),
    "decisions": (
        "Decisions a minute",
        "cycles",
        (("60 * sum by (kind, reason) (rate(sentinel_decisions_total[1m]))", "{kind}: {reason}"),),
    ),
    "cycle": (
        "Seconds of a cycle",
        "seconds",
        ((f"histogram_quantile(0.5, {STAGE})", "median"), (f"histogram_quantile(0.95, {STAGE})", "95 %")),
    ),
    "native": (
        "Gas money",
        "native coin",
        (("sentinel_native_balance", "left"), ("2 * sentinel_min_native_balance", "low")),
    ),
}


async def pictures(prometheus: Prometheus, found: Mapping[str, Any], folder: Path) -> None:
    """Write all pictures to `folder`."""
    start, end = float(found["started"]), float(found["ended"])
    for name, (title, axis, queries) in PICTURES.items():
        lines = []
        for query, legend in queries:
            for labels, points in await prometheus.between(query, start, end):
                lines.append((legend.format(**labels), [(at, value) for at, value in points if value == value]))
        (folder / f"{name}.svg").write_text(picture(title, axis, lines, found["faults"], start, end))


def picture(
    title: str,
    axis: str,
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    faults: Sequence[Mapping[str, Any]],
    start: float,
    end: float,
) -> str:
    """The lines over minutes as SVG. Each fault is a shaded span; a gap in the data is a gap in the line."""
    axes = plot.axes(title, "minutes", axis)
    for fault in faults:
        began, until = ((float(fault[key] or end) - start) / 60 for key in ("began", "ended"))
        axes.axvspan(began, max(until, began + 0.2), color=plot.WARM, alpha=0.15, linewidth=0)
    for (name, points), colour in zip(lines, COLOURS, strict=False):
        drawn_points = with_gaps(points)
        axes.plot(
            [(at - start) / 60 for at, _ in drawn_points],
            [value for _, value in drawn_points],
            color=colour,
            label=name,
        )
    axes.set_xlim(0, (end - start) / 60)
    min_value = min((value for _, points in lines for _, value in points), default=0.0)
    if min_value < 10:
        axes.set_ylim(bottom=min(0.0, min_value))
    if len(lines) > 3:
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.14), ncols=3)
    return plot.svg(axes)


def with_gaps(points: Sequence[tuple[float, float]], gap: float = 20.0) -> list[tuple[float, float]]:
    """The points with NaN, which breaks the line, wherever more than `gap` seconds have no data."""
    result: list[tuple[float, float]] = []
    for at, value in points:
        if result and at - result[-1][0] > gap:
            result.append((at, math.nan))
        result.append((at, value))
    return result


def table(found: Mapping[str, Any]) -> str:
    """The table of faults as Markdown."""
    return render(TABLE, started=found["started"], faults=found["faults"])


def fill(page: Path, found: Mapping[str, Any]) -> None:
    """Write the table into `page` between `<!-- drill -->` and `<!-- /drill -->`."""
    text = page.read_text(encoding="utf-8")
    before, mark, rest = text.partition("<!-- drill -->\n")
    _, end, after = rest.partition("<!-- /drill -->")
    page.write_text(f"{before}{mark}{table(found)}{end}{after}", encoding="utf-8")


__all__ = ["Series", "fill", "picture", "pictures", "table", "with_gaps"]
