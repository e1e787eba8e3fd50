"""The curves of a report as SVG text: shares between 0 and 1, intervals as whiskers or a band. Pure."""

from __future__ import annotations

from typing import Any

from sentinel.core.units import BPS as WHOLE
from sentinel.observe import plot


def reliability(report: dict[str, Any]) -> str:
    """The share of right acts against agreement."""
    drawn = plot.axes(
        f"Is it right, by how many agreed? ({report['decisions']} acts)",
        "agreement: votes of the largest set, of those asked",
        "share that was right",
    )
    drawn.plot([0, 1], [0, 1], "--", color=plot.FAINT)
    points = [(item["agreement_bps"] / WHOLE, item) for item in report["reliability"]]
    plot.shares(drawn, points, color=plot.ACT, label="acts (whiskers: Wilson 95 %)")
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
