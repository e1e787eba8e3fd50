"""The curves of a report as SVG text: shares between 0 and 1, intervals as whiskers or a band. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel.core.units import BPS as WHOLE
from sentinel.decide.agreement import Point, largest_agreeing
from sentinel.observe import plot


def reliability(report: dict[str, Any]) -> str:
    """The share of right decisions against agreement."""
    drawn = plot.axes(
        f"Is it right, by how many agreed? ({report['decisions']} decisions)",
        "agreement: votes of the largest set, of those asked",
        "share that was right",
    )
    drawn.plot([0, 1], [0, 1], "--", color=plot.FAINT)
    series = (("hold", plot.HOLD, 0.006, "holds"), ("act", plot.ACT, -0.006, "acts (whiskers: Wilson 95 %)"))
    for choice, colour, aside, label in series:
        points = [(item["agreement_bps"] / WHOLE + aside, item) for item in report["reliability"][choice]]
        plot.shares(drawn, points, color=colour, label=label)
    drawn.set(xlim=(0, 1.02), ylim=(0, 1.02))
    plot.percent(drawn.xaxis)
    plot.percent(drawn.yaxis)
    return plot.svg(drawn)


def risk_coverage(report: dict[str, Any]) -> str:
    """The share of wrong acts against the share of acts that a minimum agreement leaves."""
    curve = report["risk_coverage"]
    drawn = plot.axes(
        f"What abstaining buys ({sum(item['total'] for item in report['acts'])} acts)",
        "coverage: acts that are left when agreement below a level means hold",
        "risk: share of them that is wrong",
    )
    coverage, risk, low, high = (
        [item[name] for item in curve] for name in ("coverage", "risk", "risk_low", "risk_high")
    )
    drawn.fill_between(coverage, low, high, color=plot.ACT, alpha=0.15, linewidth=0, label="Wilson 95 %")
    drawn.plot(coverage, risk, "o-", markersize=4, color=plot.ACT, label="labels: least agreement")
    for item in curve:
        drawn.annotate(
            f"{item['agreement_bps'] / 100:.3g} %",
            (item["coverage"], item["risk"]),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            rotation=90,  # neighbors are close together if most ballots agree
            fontsize=7,
            color=plot.ACT,
        )
    drawn.set_ylim(bottom=0)
    drawn.margins(x=0.03)
    plot.percent(drawn.xaxis)
    plot.percent(drawn.yaxis)
    return plot.svg(drawn)


def sizes(report: dict[str, Any]) -> str:
    """The supported size against agreement, for each risk. Equal sizes are drawn side by side.

    A size applies from its agreement up to the next measured one.
    """
    drawn = plot.axes(
        f"How much of the size is supported? ({sum(item['total'] for item in report['acts'])} acts)",
        "agreement: votes of those asked",
        "share of what was voted for",
    )
    colours = (plot.INK, plot.ACT, plot.GOOD, plot.WARM)
    for index, (colour, (risk, steps)) in enumerate(zip(colours, report["size_by_agreement"].items(), strict=True)):
        aside = 0.005 * (index - 1.5)
        rising = [(item["agreement_bps"] / WHOLE + aside, item["size_bps"] / WHOLE + aside) for item in reversed(steps)]
        x, y = zip((0.0, aside), *rising, strict=True)
        label = f"at most {100 * float(risk):g} % of acts wrong"
        drawn.step([*x, 1.02], [*y, y[-1]], where="post", color=colour, label=label)
        drawn.plot(x[1:], y[1:], "o", markersize=4, color=colour)
    drawn.set(xlim=(0, 1.02), ylim=(-0.02, 1.04))
    plot.percent(drawn.xaxis)
    plot.percent(drawn.yaxis)
    return plot.svg(drawn)


def boxes(
    points: Sequence[Point],
    units: Sequence[tuple[float, float]],
    agreement_bps: int,
    title: str,
    x_label: str,
    y_label: str,
) -> str:
    """The largest agreeing set of ballots with two amounts, compared with a window over the first amount only.

    `points` are in base units. `units` are the same points in whole tokens, which are drawn.
    """
    winners = set(largest_agreeing(points, agreement_bps))
    wide = (WHOLE + agreement_bps) / WHOLE
    low_x, low_y = (min(units[winner][axis] for winner in winners) for axis in (0, 1))
    firsts = [unit[0] for unit in units]
    start = max(firsts, key=lambda low: (sum(low <= x <= low * wide for x in firsts), -low))
    drawn = plot.axes(title, x_label, y_label)
    label = "fullest window of the first amount"
    drawn.axvspan(start, start * wide, facecolor="#9ca3af22", edgecolor=plot.HOLD, linestyle="--", label=label)
    drawn.fill_between(
        [low_x, low_x * wide], low_y, low_y * wide, facecolor="#05966914", edgecolor=plot.GOOD, linewidth=1.6
    )
    for label, colour, chosen in (
        (f"{len(winners)} agree in both amounts", plot.GOOD, [unit for at, unit in enumerate(units) if at in winners]),
        ("the others", plot.INK, [unit for at, unit in enumerate(units) if at not in winners]),
    ):
        drawn.scatter([x for x, _ in chosen], [y for _, y in chosen], color=colour, zorder=3, label=label)
    drawn.margins(0.15)
    return plot.svg(drawn)
