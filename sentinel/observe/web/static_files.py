"""The pages' own scripts and styles, and the chart library with its licence, as files of the package.

Every file is listed here, so that no path of a request is ever opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
SCRIPT, STYLE, TEXT, PICTURE = "text/javascript", "text/css", "text/plain", "image/svg+xml"
KINDS: Mapping[str, str] = {
    "page.css": STYLE,
    "page.js": SCRIPT,
    "charts.js": SCRIPT,
    "live.js": SCRIPT,
    "controls.js": SCRIPT,
    "icon.svg": PICTURE,
    "uplot/uPlot.iife.min.js": SCRIPT,
    "uplot/uPlot.min.css": STYLE,
    "uplot/LICENSE": TEXT,
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    kind: str  # content type
    etag: str


@cache
def files() -> Mapping[str, StaticFile]:
    """By the path below /static/. Raises OSError if the package is not complete."""
    found = {}
    for name, kind in KINDS.items():
        body = (FOLDER / name).read_bytes()
        found[name] = StaticFile(body, kind, hashlib.sha256(body).hexdigest()[:32])
    return found
