"""The drill in pictures and a table: docs/operations/*.svg, and the part of docs/operations.md between its marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.operations.prometheus import Prometheus, Series
from sentinel.observe.plot import ACT, GOOD, HOLD, INK, WARM, Plot

COLOURS = (ACT, WARM, GOOD, HOLD, INK, "#be123c", "#7c3aed", "#0891b2")
STAGE = 'sum by (le) (rate(sentinel_cycle_seconds_bucket{stage="total"}[1m]))'
PICTURES: Mapping[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {  # file -> title, axis, (query, legend)
    "equity": (
        "Equity against buy-and-hold",
        "quote tokens",
        (("sentinel_equity", "equity"), ("sentinel_equity_hold", "doing nothing")),
    ),
    "heads": ("Age of the newest head", "seconds", (("sentinel_head_age_seconds", "age"),)),
    "ready": ("What /readyz says", "1: passes", (("sentinel_ready", "{check}"),)),
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
        (("sentinel_native_balance", "left"), ("2 * sentinel_native_reserve", "low")),
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
    values = [value for _, points in lines for _, value in points] or [0.0]
    low, high = min(0.0, *values) if min(values) < 10 else min(values), max(values)
    room = (high - low) * 0.08 or 1.0
    low = low if low == 0.0 else low - room
    plot = Plot(title, "minutes", axis, (0.0, (end - start) / 60), (low, high + room), unit="")
    for fault in faults:
        at, until = ((float(fault[key] or end) - start) / 60 for key in ("began", "ended"))
        edge = [(at, low), (max(until, at + 0.2), low)]
        plot.band(edge, [(x, high + room) for x, _ in edge], WARM)
    for (_, points), colour in zip(lines, COLOURS, strict=False):
        for piece in pieces(points):
            plot.line([((at - start) / 60, value) for at, value in piece], colour)
    plot.legend([(name, colour) for (name, _), colour in zip(lines, COLOURS, strict=False)])
    return plot.svg()


def pieces(points: Sequence[tuple[float, float]], gap: float = 20.0) -> list[list[tuple[float, float]]]:
    """Cut where nothing was scraped for so many seconds."""
    found: list[list[tuple[float, float]]] = []
    for point in points:
        if not found or point[0] - found[-1][-1][0] > gap:
            found.append([])
        found[-1].append(point)
    return found


def table(found: Mapping[str, Any]) -> str:
    rows = [
        "| minute | fault | lasted | alert | fired after | cleared after its end | beside |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found["faults"]:
        lasted = "" if one["ended"] is None else f"{one['ended'] - one['began']:.0f} s"
        fired, cleared = ("" if one[key] is None else f"{one[key]:.0f} s" for key in ("fired_after", "cleared_after"))
        minute = (one["began"] - found["started"]) / 60
        beside = ", ".join(dict.fromkeys(one["beside"]))
        alert = one["alert"] or "none: it mends itself"
        rows.append(f"| {minute:.1f} | {one['fault']} | {lasted} | {alert} | {fired} | {cleared} | {beside} |")
    return "\n".join(rows)


def fill(page: Path, found: Mapping[str, Any]) -> None:
    """Between `<!-- drill -->` and `<!-- /drill -->`."""
    text = page.read_text(encoding="utf-8")
    before, mark, rest = text.partition("<!-- drill -->\n")
    _, end, after = rest.partition("<!-- /drill -->")
    page.write_text(f"{before}{mark}{table(found)}\n{end}{after}", encoding="utf-8")


__all__ = ["Series", "fill", "picture", "pictures", "pieces", "table"]
