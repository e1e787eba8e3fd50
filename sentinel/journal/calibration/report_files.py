"""The files of a report: NAME.json with quorum and sizes, and the curves as pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sentinel.journal.calibration import plots


def write(folder: Path, name: str, report: dict[str, Any]) -> list[Path]:
    """Write the files of a report and return their paths. Each appears whole, because a daemon may read it."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        f"{name}.json": json.dumps(report, indent=1) + "\n",
        f"{name}-reliability.svg": plots.reliability(report),
        f"{name}-risk-coverage.svg": plots.risk_coverage(report),
        f"{name}-size.svg": plots.sizes(report),
    }
    return [write_atomically(folder / file, text) for file, text in texts.items()]


def write_atomically(path: Path, text: str) -> Path:
    """Write the file so that a reader sees either the old or the new text. Returns `path`."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path
