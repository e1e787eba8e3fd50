"""Collection on many machines: Ray plays the segments on free workers; this process stores them in order.

Segments are independent, because each has a chain of its own. Prices and limits come from this process, so a worker
needs only the installed checkout. If a machine is lost, Ray plays its segments again.
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

AHEAD = 2  # segments per worker that are played but not stored yet; a kill can lose them


@dataclass(frozen=True, slots=True)
class _RayJob:
    stretch: Stretch
    order: CollectionRequest
    prices: tuple[str, tuple[Bar, ...], tuple[Bar, ...]]  # source, bars, earlier bars
    settings: dict[str, Any]  # the sections that decide the value of a trajectory


@dataclass(frozen=True, slots=True)
class PlayedStretch:
    """The result of a worker for one stretch."""

    made: list[Made]
    code: str  # version of the worker's code
    worker: str  # machine and process


@dataclass(slots=True)
class RayEngine:
    """An `Engine`. `address` names a running cluster; if it is empty, one is started here and stopped at the end."""

    address: str = ""
    workers: int = 2  # segments at a time, one CPU each
    seen: set[str] = field(default_factory=set)  # workers that played

    async def __call__(self, order: CollectionRequest, teacher: Teacher, wanted: Wanted) -> AsyncGenerator[Made]:
        """Raises OperatorError if the teacher is not the oracle, or if a worker runs other code."""
        if not isinstance(teacher, OracleTeacher):
            raise OperatorError(
                "--engine ray works only with the oracle: the rate, key and costs of an LLM belong to one process"
            )
        with _cluster(self.address, self.workers) as ray:
            play_remotely = ray.remote(num_cpus=1)(_play)
            running_jobs: deque[Any] = deque()
            remaining_jobs = (play_remotely.remote(_job(stretch, order)) for stretch in stretches(order, wanted))
            try:
                while True:
                    while len(running_jobs) < AHEAD * self.workers and (ref := next(remaining_jobs, None)) is not None:
                        running_jobs.append(ref)
                    if not running_jobs:
                        return
                    played: PlayedStretch = await running_jobs[0]
                    running_jobs.popleft()
                    for made in self.accept(played):
                        yield made
            finally:
                for ref in running_jobs:
                    ray.cancel(ref, force=True)

    def accept(self, played: PlayedStretch) -> list[Made]:
        """The items of `played`. Raises OperatorError if its worker runs another version of the code."""
        if played.code != version():
            raise OperatorError(f"{played.worker} runs Sentinel {played.code}, but this machine runs {version()}")
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
        options: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False, "_temp_dir": folder}
        # so that temporary files of a killed worker are deleted with the folder
        options["runtime_env"] = {"env_vars": {"TMPDIR": folder}}
        try:
            ray.init(
                address or "local", log_to_driver=False, logging_level=logging.ERROR, **({} if address else options)
            )
        except Exception as error:  # Ray has no error class for a failed start
            raise OperatorError(f"Ray cannot be used: {error}") from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _job(stretch: Stretch, order: CollectionRequest) -> _RayJob:
    path = load_prices(stretch.segment)
    bars = tuple(path.next() for _ in range(BARS_A_SEGMENT + 2))  # plus the opening bar and one spare bar
    settings = load(env_file=None, **OVERRIDES)
    return _RayJob(stretch, order, (path.source, bars, path.before), settings.model_dump(include={"limits", "vote"}))


def _play(job: _RayJob) -> PlayedStretch:
    """Play one job; runs in a process of Ray."""

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
