"""Collection on many machines: each segment of the stream is played where Ray has room, and kept here in its order.

A segment is a chain of its own, so nothing passes between two of them. Prices and limits are the driver's: a worker
needs this checkout, set up, and nothing else. A machine that is lost costs time alone: Ray plays its segments again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import tempfile
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from sentinel.agent.sandbox import MAX_RUN_TIMEOUT, Sandbox
from sentinel.config.settings import load
from sentinel.core.errors import OperatorError
from sentinel.distill.collecting.collect import Made, Stretch, Wanted, play, stretches
from sentinel.distill.collecting.trajectories import version
from sentinel.distill.states.arena import OVERRIDES, load_prices
from sentinel.distill.states.tasks import BARS_A_SEGMENT, CollectionRequest
from sentinel.distill.teaching.teacher import OracleTeacher, Teacher
from sentinel.market.price_path import Bar, PricePath

AHEAD = 2  # segments a worker that are played or wait to be kept: what a kill can lose


@dataclass(frozen=True, slots=True)
class _RayJob:
    stretch: Stretch
    order: CollectionRequest
    prices: tuple[str, tuple[Bar, ...], tuple[Bar, ...]]  # source, bars, those before
    settings: dict[str, Any]  # the sections that decide what a trajectory is worth


@dataclass(frozen=True, slots=True)
class PlayedStretch:
    """A stretch, as a worker hands it back."""

    made: list[Made]
    code: str  # the version of what made it
    worker: str  # machine and process


@dataclass(slots=True)
class RayEngine:
    """An `Engine`. `address` is of a running cluster; empty: one is started on this machine, and stopped again."""

    address: str = ""
    workers: int = 2  # segments at a time, one CPU each
    seen: set[str] = field(default_factory=set)  # workers that played

    async def __call__(self, order: CollectionRequest, teacher: Teacher, wanted: Wanted) -> AsyncGenerator[Made]:
        """Raises OperatorError for another teacher than the oracle, and for a worker with other code."""
        if not isinstance(teacher, OracleTeacher):
            raise OperatorError("Ray plays the oracle alone: an LLM's pace, key and costs are counted in one process")
        with _cluster(self.address, self.workers) as ray:
            there = ray.remote(num_cpus=1)(_play)
            waiting: deque[Any] = deque()
            left = (there.remote(_job(stretch, order)) for stretch in stretches(order, wanted))
            try:
                while True:
                    while len(waiting) < AHEAD * self.workers and (ref := next(left, None)) is not None:
                        waiting.append(ref)
                    if not waiting:
                        return
                    played: PlayedStretch = await waiting[0]
                    waiting.popleft()
                    for made in self.accept(played):
                        yield made
            finally:
                for ref in waiting:
                    ray.cancel(ref, force=True)

    def accept(self, played: PlayedStretch) -> list[Made]:
        """Rows say which code they come from, so all must come from the same. Raises OperatorError."""
        if played.code != version():
            raise OperatorError(f"{played.worker} runs Sentinel {played.code}, this machine {version()}")
        self.seen.add(played.worker)
        return played.made


@contextmanager
def _cluster(address: str, workers: int) -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise OperatorError(
            "--engine ray needs Ray: install the extra `dist` (pip install 'sentinel-trader[dist]')"
        ) from error
    with tempfile.TemporaryDirectory(prefix="sentinel-ray-", ignore_cleanup_errors=True) as folder:
        own: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False, "_temp_dir": folder}
        own["runtime_env"] = {"env_vars": {"TMPDIR": folder}}  # what a killed worker leaves goes with the folder
        try:
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **({} if address else own))
        except Exception as error:  # it has no class of its own for what can go wrong there
            raise OperatorError(f"Ray cannot be used: {error}") from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _job(stretch: Stretch, order: CollectionRequest) -> _RayJob:
    path = load_prices(stretch.segment)
    bars = tuple(path.next() for _ in range(BARS_A_SEGMENT + 2))  # the one it opens at, and one that nobody reads
    given = load(env_file=None, **OVERRIDES)
    return _RayJob(stretch, order, (path.source, bars, path.before), given.model_dump(include={"limits", "vote"}))


def _play(job: _RayJob) -> PlayedStretch:
    """In a process of Ray's."""

    async def played() -> list[Made]:
        source, bars, before = job.prices
        with Sandbox(workers=2, seconds=MAX_RUN_TIMEOUT) as sandbox:
            stream = play(
                job.stretch,
                job.order,
                OracleTeacher(),
                sandbox,
                prices=PricePath(source, iter(bars), before),
                settings=load(env_file=None, **job.settings),
            )
            async with aclosing(stream):
                return [made async for made in stream]

    return PlayedStretch(asyncio.run(played()), version(), f"{socket.gethostname()} {os.getpid()}")
