"""One decision as calibration sees it, and the file of them: JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Observation:
    """What the largest agreeing set wanted, however small it was, and whether that was right."""

    id: str
    source: str  # who decided, e.g. "sentinel-nano at 0.4"
    playbook: str
    choice: str  # "act" | "hold" | "none" (a tie, or no ballot at all)
    votes: int
    asked: int
    spread_bps: int  # of the winning set; 0 for what is no act
    right: bool
    captured: float | None  # share of the reference's value, -1..1; None where there is no reference
    wanted: str = ""  # the reference's decision, "act" | "hold"; empty where there is no reference


def read(path: Path) -> Iterator[Observation]:
    """Nothing where there is no file. A last line that was cut off is left out: it is measured again."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield Observation(**json.loads(line))


def append(path: Path, observed: Observation) -> None:
    """A last line that was cut off is written over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with path.open("r+b") as file:
        whole = file.read().rpartition(b"\n")
        file.seek(len(whole[0]) + len(whole[1]))
        file.truncate()
        file.write(json.dumps(asdict(observed), separators=(",", ":")).encode() + b"\n")
