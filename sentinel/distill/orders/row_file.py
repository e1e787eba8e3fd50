"""The file of generated rows: written whole or not at all, with its SHA-256."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from sentinel.core.host.places import PACKAGE
from sentinel.distill.orders.dataset import rows
from sentinel.distill.orders.split import Split

_MAKERS = (PACKAGE / "distill" / "orders", PACKAGE / "orders")  # the code and phrases that the rows come from


@dataclass(frozen=True, slots=True)
class RowFile:
    """What was written."""

    readings: dict[str, int]  # rows whose reading is an order, a question or a refusal
    sha256: str


def write_rows(out: Path, split: Split, count: int, seed: int) -> RowFile:
    """Draw `count` rows and write them to `out` atomically, with a progress bar on standard error."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(out.name + ".unfinished")
    digest, readings = hashlib.sha256(), Counter[str]()
    with unfinished.open("wb") as file:
        for row in track(rows(split, count, seed), f"{split} orders", count, console=Console(stderr=True)):
            data = row.line().encode()
            digest.update(data)
            file.write(data)
            readings[type(row.reading).__name__.lower()] += 1
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(out)
    return RowFile(dict(readings), digest.hexdigest())


def rows_in(folder: Path, split: Split, count: int, seed: int) -> Path:
    """The file of these rows in `folder`, made if it is not there. Another generator makes another file."""
    path = folder / f"{split}-{count}-{seed}-{_generator()}.jsonl"
    if not path.exists():
        write_rows(path, split, count, seed)
    return path


def _generator() -> str:
    """Twelve hex digits that identify the code and phrases of the generator."""
    files = [path for folder in _MAKERS for path in folder.rglob("*") if path.suffix in (".py", ".toml")]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
