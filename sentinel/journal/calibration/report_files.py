"""The files of a report: NAME.json with quorum and sizes, and the curves as pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sentinel.core.host.files import write_atomic
from sentinel.journal.calibration import plots


def write(folder: Path, name: str, report: dict[str, Any]) -> list[Path]:
    """Write the files of a report and return their paths. Each appears whole, because a daemon may read it."""
    texts = {
        f"{name}.json": json.dumps(report, indent=1) + "\n",
        f"{name}-reliability.svg": plots.reliability(report),
        f"{name}-risk-coverage.svg": plots.risk_coverage(report),
        f"{name}-size.svg": plots.sizes(report),
    }
    for file, text in texts.items():
        write_atomic(folder / file, text)
    return [folder / file for file in texts]
