"""The picture of the rooms and of who may import whom, drawn from the contract that import-linter enforces."""

from __future__ import annotations

import ast
import textwrap
import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
WIDTH, LEFT, GAP, HEIGHT = 1180, 64, 10, 58  # pixels: picture, margin of the arrow, between boxes, a box
SIGNS, SENDS, OTHER = "#f7e1e1", "#f6ead9", "#e8eef7"  # fills
FILLS = {"signing": SIGNS, "execute": SENDS}
INK = "#223"


def layers() -> list[list[str]]:
    """From the top down; the rooms of one layer do not import each other."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (found,) = [contract["layers"] for contract in contracts if contract.get("containers") == ["sentinel"]]
    return [[room.strip() for room in layer.split("|")] for layer in found]


def phrase(room: str) -> str:
    """What the room is for: the first sentence of its own docstring."""
    folder = ROOT / "sentinel" / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n", 1)[0].split()).split(". ", 1)[0].rstrip(".").replace("`", "")


def picture() -> str:
    rows = layers()
    height = 50 + len(rows) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" '
        'role="img" aria-label="The rooms of the package, each above those that it may import">',
        '<defs><marker id="down" viewBox="0 0 10 10" refX="5" refY="9" markerWidth="8" markerHeight="8">'
        '<path d="M0 0L5 10L10 0z" fill="#445"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<line x1="30" y1="16" x2="30" y2="{height - 44}" stroke="#445" stroke-width="1.6" marker-end="url(#down)"/>',
        f'<text x="20" y="{height / 2 - 10:g}" font-size="13" fill="#445" text-anchor="middle" '
        f'transform="rotate(-90 20 {height / 2 - 10:g})">may import what is below</text>',
    ]
    for number, row in enumerate(rows):
        parts += _row(row, 10 + number * (HEIGHT + GAP))
    parts.append(
        f'<text x="{LEFT}" y="{height - 16}" font-size="12.5" fill="#445">Only daemon (and lab/, which is not in the '
        "wheel) reaches execute. Only cli reaches signing/process, which alone holds a key.</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _row(rooms: list[str], top: int) -> list[str]:
    width = (WIDTH - LEFT - 10 - GAP * (len(rooms) - 1)) / len(rooms)
    parts = []
    for place, room in enumerate(rooms):
        left = LEFT + place * (width + GAP)
        name = f"{room}/" if (ROOT / "sentinel" / room).is_dir() else f"{room}.py"
        lines = textwrap.wrap(phrase(room), int(width / 6.8))
        if len(lines) > 2:
            lines = [lines[0], f"{lines[1].rstrip(',')} …"]
        parts.append(
            f'<rect x="{left:g}" y="{top}" width="{width:g}" height="{HEIGHT}" rx="8" '
            f'fill="{FILLS.get(room, OTHER)}" stroke="#445" stroke-width="1.2"/>'
        )
        middle = left + width / 2
        start = top + (19 if len(lines) > 1 else 26)
        parts.append(
            f'<text x="{middle:g}" y="{start}" text-anchor="middle" font-size="15" font-weight="600" '
            f'fill="{INK}">{escape(name)}</text>'
        )
        parts += [
            f'<text x="{middle:g}" y="{start + 16 + 14 * line}" text-anchor="middle" font-size="12" '
            f'fill="#445">{escape(text)}</text>'
            for line, text in enumerate(lines)
        ]
    return parts
