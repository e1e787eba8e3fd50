"""The curves of a report as SVG text: axes from 0 to 1, intervals as whiskers or a band. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel.core.units import BPS as WHOLE
from sentinel.decide.agreement import Point, largest_agreeing
from sentinel.observe.plot import ACT, FAINT, GOOD, HOLD, INK, LEFT, RIGHT, TOP, WARM, WIDTH, Plot


def reliability(report: dict[str, Any]) -> str:
    plot = Plot(
        f"Is it right, by how many agreed? ({report['decisions']} decisions)",
        "agreement: votes of the largest set, of those asked",
        "share that was right",
    )
    plot.line([(0.0, 0.0), (1.0, 1.0)], FAINT, dashed=True)
    series = [("hold", HOLD, 0.006), ("act", ACT, -0.006)]
    for choice, colour, aside in series:
        points = [(item["agreement_bps"] / WHOLE, item) for item in report["reliability"][choice]]
        plot.line([(x + aside, item["share"]) for x, item in points], colour)
        for x, item in points:
            plot.whisker(x + aside, item["low"], item["high"], colour)
            plot.dot(x + aside, item["share"], colour)
    plot.legend([("acts (whiskers: Wilson 95 %)", ACT), ("holds", HOLD)])
    return plot.svg()


def risk_coverage(report: dict[str, Any]) -> str:
    curve = report["risk_coverage"]
    highest = max([item["risk_high"] for item in curve], default=1.0)
    top = next(step for step in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0) if step >= min(highest, 1.0))
    least = min([item["coverage"] for item in curve], default=0.0)
    left = next(start for start in (0.9, 0.8, 0.5, 0.0) if start <= max(0.0, least - 0.02))
    plot = Plot(
        f"What abstaining buys ({sum(item['total'] for item in report['acts'])} acts)",
        "coverage: acts that are left when agreement below a level means hold",
        "risk: share of them that is wrong",
        x_range=(left, 1.0),
        y_range=(0.0, top),
    )
    plot.band(
        [(item["coverage"], item["risk_low"]) for item in curve],
        [(item["coverage"], item["risk_high"]) for item in curve],
        ACT,
    )
    plot.line([(item["coverage"], item["risk"]) for item in curve], ACT)
    for place, item in enumerate(curve):
        plot.dot(item["coverage"], item["risk"], ACT)
        below = 20 if place % 2 else -10  # neighbours are close where most agree fully
        label = f"{item['agreement_bps'] / 100:.3g} %"
        plot.text(plot.x(item["coverage"]) - 6, plot.y(item["risk"]) + below, label, 11, anchor="end", colour=ACT)
    plot.text(LEFT + 12, TOP + 18, "labels: least agreement; band: Wilson 95 %", 12)
    return plot.svg()


def sizes(report: dict[str, Any]) -> str:
    """A size holds from its agreement up to the next one that was measured; equal sizes are drawn side by side."""
    plot = Plot(
        f"How much of the size is supported? ({sum(item['total'] for item in report['acts'])} acts)",
        "agreement: votes of those asked",
        "share of what was voted for",
    )
    colours = (INK, ACT, GOOD, WARM)
    for place, (colour, steps) in enumerate(zip(colours, report["size_by_agreement"].values(), strict=True)):
        aside = 0.005 * (place - 1.5)
        path, size = [(0.0, aside)], 0.0
        for item in reversed(steps):
            agreement, before, size = item["agreement_bps"] / WHOLE + aside, size, item["size_bps"] / WHOLE
            path += [(agreement, before + aside), (agreement, size + aside)]
            plot.dot(agreement, size + aside, colour)
        plot.line([*path, (1.0, size + aside)], colour)
    named = [f"at most {100 * float(risk):g} % of acts wrong" for risk in report["size_by_agreement"]]
    plot.legend(list(zip(named, colours, strict=True)))
    return plot.svg()


def boxes(
    points: Sequence[Point],
    units: Sequence[tuple[float, float]],
    agreement_bps: int,
    title: str,
    x_label: str,
    y_label: str,
) -> str:
    """The vote's own search on ballots of two amounts, against sliding along the first amount alone.

    `points` in base units, `units` the same in whole tokens, which is what is drawn.
    """
    winners = set(largest_agreeing(points, agreement_bps))
    wide = (WHOLE + agreement_bps) / WHOLE
    low_x, low_y = (min(units[place][axis] for place in winners) for axis in (0, 1))
    firsts = [unit[0] for unit in units]
    start = max(firsts, key=lambda low: (sum(low <= x <= low * wide for x in firsts), -low))
    corners = [*units, (low_x * wide, low_y * wide)]
    spans = [(min(corner[axis] for corner in corners), max(corner[axis] for corner in corners)) for axis in (0, 1)]
    ranges = [(low - 0.15 * (high - low), high + 0.15 * (high - low)) for low, high in spans]
    plot = Plot(title, x_label, y_label, ranges[0], ranges[1], unit="")
    plot.box((start, ranges[1][0]), (min(start * wide, ranges[0][1]), ranges[1][1]), HOLD, dashed=True)
    plot.box((low_x, low_y), (low_x * wide, low_y * wide), GOOD, dashed=False)
    for place, unit in enumerate(units):
        plot.dot(unit[0], unit[1], GOOD if place in winners else INK, size=5)
    plot.text(WIDTH - RIGHT - 8, TOP + 18, f"green: {len(winners)} agree in both amounts", anchor="end", colour=GOOD)
    plot.text(WIDTH - RIGHT - 8, TOP + 36, "dashed: fullest window of the first", anchor="end", colour="#6b7280")
    return plot.svg()
