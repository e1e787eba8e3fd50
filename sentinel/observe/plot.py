"""A plot as SVG text, without any library: two linear axes, lines, bands, dots, whiskers and boxes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

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
    names: Sequence[str] = ()  # of places along the x axis, in its ticks' stead; "|" breaks a name's line
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

    def legend(self, entries: Sequence[tuple[str, str]], *, left: int = LEFT) -> None:
        for place, (text, colour) in enumerate(entries):
            y = TOP + 20 + 18 * place
            self.parts.append(f'<circle cx="{left + 16}" cy="{y - 4}" r="4" fill="{colour}"/>')
            self.text(left + 26, y, text, 12)

    def svg(self) -> str:
        frame, self.parts = self.parts, []
        for tenth in range(0, 6):
            share = tenth / 5
            x = self.x_range[0] + share * (self.x_range[1] - self.x_range[0])
            y = self.y_range[0] + share * (self.y_range[1] - self.y_range[0])
            self._rule(self.x_range[0], y, self.x_range[1], y)
            self.text(LEFT - 8, self.y(y) + 4, self._tick(y), 12, anchor="end")
            if not self.names:
                self._rule(x, self.y_range[0], x, self.y_range[1])
                self.text(self.x(x), HEIGHT - BOTTOM + 18, self._tick(x), 12, anchor="middle")
        for place, name in enumerate(self.names):
            x = self.x_range[0] + (place + 0.5) / len(self.names) * (self.x_range[1] - self.x_range[0])
            for row, part in enumerate(name.split("|")):
                self.text(self.x(x), HEIGHT - BOTTOM + 18 + 14 * row, part, 11, anchor="middle")
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

    def _rule(self, x1: float, y1: float, x2: float, y2: float) -> None:
        ends = f'x1="{self.x(x1)}" x2="{self.x(x2)}" y1="{self.y(y1)}" y2="{self.y(y2)}"'
        self.parts.append(f'<line {ends} stroke="{FAINT}"/>')

    def _tick(self, value: float) -> str:
        return f"{100 * value:.3g} %" if self.unit == "%" else f"{value:.4g}{self.unit}"
