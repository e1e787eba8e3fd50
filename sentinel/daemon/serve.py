"""The daemon as a process of its own: `sentinel run`.

async with opened(settings) as app:
    code = await app.daemon.run()
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from sentinel.config.settings import Settings
from sentinel.daemon import garbage_collection
from sentinel.daemon.operator.reload import Load
from sentinel.daemon.wiring import MakeSidecar, opened
from sentinel.observe import logs

T = TypeVar("T")


def serve(
    settings: Settings,
    *,
    cycles: int | None = None,
    shadow: MakeSidecar | None = None,
    reload: Load | None = None,
) -> int:
    """Run in the foreground until stopped, or for `cycles` cycles. Returns the process's exit code."""

    async def main() -> int:
        async with opened(settings, cycles=cycles, shadow=shadow, reload=reload) as app:
            garbage_collection.freeze_heap()
            logs.tell_uncaught()
            return await app.daemon.run()

    return run(main())


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on uvloop and return its result."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
