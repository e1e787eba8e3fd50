"""The curves as SVG text, without any library: axes from 0 to 1, intervals as whiskers or a band. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from sentinel.decide.agreement import BPS as WHOLE
from sentinel.decide.agreement import Point, largest_agreeing

WIDTH, HEIGHT = 640, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 50, 60
INK, FAINT, ACT, HOLD, GOOD, WARM = "#1f2937", "#d1d5db", "#2563eb", "#9ca3af", "#059669", "#d97706"
_FONT = 'font-family="system-ui, sans-serif"'


@dataclass(slots=True)
class Plot:
    """A square of data, each axis linear between its two ends."""

    title: str
    x_label: str
    y_label: str
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    unit: str = "%"  # of the axis labels; "": plain numbers
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        low, high = self.x_range
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    def line(self, points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> None:
        path = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>')

    def band(self, lower: Sequence[tuple[float, float]], upper: Sequence[tuple[float, float]], colour: str) -> None:
        path = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in [*lower, *reversed(upper)])
        self.parts.append(f'<polygon points="{path}" fill="{colour}" opacity="0.15"/>')

    def dot(self, x: float, y: float, colour: str, size: float = 4.0) -> None:
        self.parts.append(f'<circle cx="{self.x(x)}" cy="{self.y(y)}" r="{size:g}" fill="{colour}"/>')

    def whisker(self, x: float, low: float, high: float, colour: str) -> None:
        at = self.x(x)
        self.parts.append(
            f'<line x1="{at}" x2="{at}" y1="{self.y(low)}" y2="{self.y(high)}" stroke="{colour}" stroke-width="1.4"/>'
        )

    def box(self, low: tuple[float, float], high: tuple[float, float], colour: str, *, dashed: bool) -> None:
        x, y = self.x(low[0]), self.y(high[1])
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{self.x(high[0]) - x:.1f}" height="{self.y(low[1]) - y:.1f}" '
            f'fill="{colour}" fill-opacity="0.08" stroke="{colour}" stroke-width="1.6"{dash}/>'
        )

    def text(self, x: float, y: float, text: str, size: int = 12, *, anchor: str = "start", colour: str = INK) -> None:
        self.parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
        )

    def legend(self, entries: Sequence[tuple[str, str]]) -> None:
        for place, (text, colour) in enumerate(entries):
            y = TOP + 20 + 18 * place
            self.parts.append(f'<circle cx="{LEFT + 16}" cy="{y - 4}" r="4" fill="{colour}"/>')
            self.text(LEFT + 26, y, text, 12)

    def svg(self) -> str:
        frame, self.parts = self.parts, []
        for tenth in range(0, 6):
            share = tenth / 5
            x = self.x_range[0] + share * (self.x_range[1] - self.x_range[0])
            y = self.y_range[0] + share * (self.y_range[1] - self.y_range[0])
            self.parts.append(
                f'<line x1="{self.x(x)}" x2="{self.x(x)}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{FAINT}"/>'
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.y(y)}" y2="{self.y(y)}" stroke="{FAINT}"/>'
            )
            self.text(self.x(x), HEIGHT - BOTTOM + 18, self._tick(x), 12, anchor="middle")
            self.text(LEFT - 8, self.y(y) + 4, self._tick(y), 12, anchor="end")
        self.text(WIDTH / 2, 26, self.title, 15, anchor="middle")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, self.x_label, 13, anchor="middle")
        middle = (TOP + HEIGHT - BOTTOM) / 2
        self.parts.append(
            f'<text x="16" y="{middle}" font-size="13" text-anchor="middle" fill="{INK}" '
            f'transform="rotate(-90 16 {middle})">{escape(self.y_label)}</text>'
        )
        body = "\n".join([*self.parts, *frame])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {_FONT}>\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
        )

    def _tick(self, value: float) -> str:
        return f"{100 * value:.3g} %" if self.unit == "%" else f"{value:.4g}{self.unit}"


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
