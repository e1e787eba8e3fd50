"""`verify`: checks the whole journal, every record and the index made of them."""

from __future__ import annotations

import sys
import time

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets

STEP = 200  # records between two moves of the progress bar


def verify(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Check every record of the journal against the hash chain, and the index against the records.

    It may run beside the daemon. Exit code 4 if the journal is not as it was written; the first fault is named.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    journal, _ = common.open_journal(common.load(sets, env_file), read_only=True, whole=False)
    began = time.monotonic()
    columns = TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    try:
        with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("", total=journal.equity.tip())
            records = journal.verify(lambda done: bar.update(task, completed=done) if done % STEP == 0 else None)
        size, dropped = journal.size(), journal.dropped()
    finally:
        journal.close()
    seconds = time.monotonic() - began
    row = {"records": records, "dropped": dropped, "bytes": size, "seconds": round(seconds, 3)}
    without = f" {dropped} cycles that held are without content, by the retention." if dropped else ""
    common.emit(
        row,
        json,
        lambda: [f"{records} records are as they were written, in {seconds:.1f} s; {size / 1e6:.1f} MB.{without}"],
    )
