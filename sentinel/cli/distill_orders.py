"""`sentinel distill orders`: write operators' words with the drafts of their readings"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from sentinel.distill.orders.dataset import rows
from sentinel.distill.orders.split import Split


def orders(
    out: Annotated[Path, typer.Option(help="JSON lines file to write.")],
    split: Annotated[Split, typer.Option(help="What the rows are for: see sentinel/distill/orders/split.toml.")],
    count: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 8_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Draw orders, say each in words, and write both. Prints the SHA-256 of the file."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(out.name + ".unfinished")
    digest, kinds = hashlib.sha256(), Counter[str]()
    with unfinished.open("wb") as file:
        drawn = track(rows(split, count, seed), f"{split} orders", count, console=Console(stderr=True))
        for row in drawn:
            data = row.line().encode()
            digest.update(data)
            file.write(data)
            kinds[type(row.reading).__name__.lower()] += 1
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(out)
    report = {"split": split.value, "rows": count, "seed": seed, **kinds, "sha256": digest.hexdigest()}
    print(json.dumps(report) if as_json else f"{out}: {count:,} {split} rows, sha256 {digest.hexdigest()}")
