"""The drill from its start to its page."""

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
    """Ctrl-C ends it early and keeps what was seen. Raises OperatorError, ChildFailed."""
    with tempfile.TemporaryDirectory(prefix="sentinel-drill-") as name:
        say("starting market, student, daemon and Prometheus")
        async with opened(Path(name), model) as site:
            seen = Drill(site, minutes, lambda gone, what: say(f"{gone:5.1f} of {minutes:g} min  {what}"))
            task = asyncio.current_task()
            with contextlib.suppress(asyncio.CancelledError):
                await seen.run()
            if task is not None and task.cancelling():
                task.uncancel()
            found = seen.result()
            if page is not None:
                folder = page.with_suffix("")
                folder.mkdir(exist_ok=True)
                await drill_report.pictures(site.prometheus, found, folder)
                drill_report.fill(page, found)
    return found
