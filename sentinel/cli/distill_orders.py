"""`sentinel distill orders`: write operators' words with the drafts of their readings"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sentinel.distill.orders.row_file import write_rows
from sentinel.distill.orders.split import Split


def orders(
    out: Annotated[Path, typer.Option(help="JSON lines file to write.")],
    split: Annotated[Split, typer.Option(help="What the rows are for: see sentinel/distill/orders/split.toml.")],
    count: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 8_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Draw orders, say each in words, and write both. Prints the SHA-256 of the file."""
    written = write_rows(out, split, count, seed)
    report = {"split": split.value, "rows": count, "seed": seed, **written.readings, "sha256": written.sha256}
    print(json.dumps(report) if as_json else f"{out}: {count:,} {split} rows, sha256 {written.sha256}")
