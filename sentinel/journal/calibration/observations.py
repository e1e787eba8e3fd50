"""Observations, which are decisions with their correctness, and their file of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Observation:
    """The decision of the largest agreeing set, whatever its size, and whether it was right."""

    id: str
    source: str  # who decided, such as "sentinel-nano at 0.4"
    playbook: str
    choice: str  # "act" | "hold" | "none" (a tie, or no ballot at all)
    votes: int
    asked: int
    spread_bps: int  # of the winning set; 0 if it is not an act
    right: bool
    captured: float | None  # share of the reference's value, -1..1; None without a reference
    wanted: str = ""  # the reference's decision, "act" | "hold"; empty without a reference


def read(path: Path) -> Iterator[Observation]:
    """The observations in a file; none if it does not exist. An incomplete last line is left out and measured again."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield Observation(**json.loads(line))


def append(path: Path, observed: Observation) -> None:
    """Add an observation to the file. It replaces an incomplete last line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with path.open("r+b") as file:
        whole = file.read().rpartition(b"\n")
        file.seek(len(whole[0]) + len(whole[1]))
        file.truncate()
        file.write(json.dumps(asdict(observed), separators=(",", ":")).encode() + b"\n")
