"""The drill in pictures and a table: docs/operations/*.svg, and the part of docs/operations.md between its marks."""

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
    """Minutes along the x axis; each fault is a shade, a gap in the data a gap in the line."""
    drawn = plot.axes(title, "minutes", axis)
    for fault in faults:
        began, until = ((float(fault[key] or end) - start) / 60 for key in ("began", "ended"))
        drawn.axvspan(began, max(until, began + 0.2), color=plot.WARM, alpha=0.15, linewidth=0)
    for (name, points), colour in zip(lines, COLOURS, strict=False):
        found = with_gaps(points)
        drawn.plot([(at - start) / 60 for at, _ in found], [value for _, value in found], color=colour, label=name)
    drawn.set_xlim(0, (end - start) / 60)
    least = min((value for _, points in lines for _, value in points), default=0.0)
    if least < 10:
        drawn.set_ylim(bottom=min(0.0, least))
    if len(lines) > 3:
        drawn.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.14), ncols=3)
    return plot.svg(drawn)


def with_gaps(points: Sequence[tuple[float, float]], gap: float = 20.0) -> list[tuple[float, float]]:
    """A point that is no number, at which a line breaks, where nothing was scraped for so many seconds."""
    found: list[tuple[float, float]] = []
    for at, value in points:
        if found and at - found[-1][0] > gap:
            found.append((at, math.nan))
        found.append((at, value))
    return found


def table(found: Mapping[str, Any]) -> str:
    return render(TABLE, started=found["started"], faults=found["faults"])


def fill(page: Path, found: Mapping[str, Any]) -> None:
    """Between `<!-- drill -->` and `<!-- /drill -->`."""
    text = page.read_text(encoding="utf-8")
    before, mark, rest = text.partition("<!-- drill -->\n")
    _, end, after = rest.partition("<!-- /drill -->")
    page.write_text(f"{before}{mark}{table(found)}{end}{after}", encoding="utf-8")


__all__ = ["Series", "fill", "picture", "pictures", "table", "with_gaps"]
