"""Seconds per stage: `with stage("market"): ...`; the times of a repeated stage are added."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopwatch:
    def __init__(self, began: Callable[[str], None] = lambda stage: None) -> None:
        """`began` observes the start of each stage."""
        self._began = began
        self.seconds: dict[str, float] = {}  # by stage; a stage that raised is included

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._began(name)
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
