"""Runs the drill and writes its page."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.operations import drill_report
from lab.operations.drill import Drill
from lab.operations.drill_site import opened


async def drill(minutes: float, model: Path, page: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the drill. Ctrl-C ends it early with its results so far. Raises OperatorError or ChildFailed."""
    with tempfile.TemporaryDirectory(prefix="sentinel-drill-") as name:
        say("starting market, student, daemon and Prometheus")
        async with opened(Path(name), model) as site:
            run = Drill(site, minutes, lambda gone, what: say(f"{gone:5.1f} of {minutes:g} min  {what}"))
            task = asyncio.current_task()
            with contextlib.suppress(asyncio.CancelledError):
                await run.run()
            if task is not None and task.cancelling():
                task.uncancel()
            report = run.result()
            if page is not None:
                folder = page.with_suffix("")
                folder.mkdir(exist_ok=True)
                await drill_report.pictures(site.prometheus, report, folder)
                drill_report.fill(page, report)
    return report
