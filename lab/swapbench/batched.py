"""Many episodes with one model call: the requests of all waiting episodes go to the student as one batch.

A batch is sent when every running episode waits. So its contents do not depend on timing, and the same cell gives the
same turns again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lab import CHECKOUT
from sentinel.agent.vllm_server import serving_python
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import OperatorError

Answer = TypeVar("Answer")
LINE = 1 << 30  # max bytes of one reply
FIRST_SEED = 1_000  # of the first batch; it counts up


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How a step is sampled."""

    n: int
    temperature: float
    top_p: float = 0.8
    max_tokens: int = 220


@dataclass(slots=True)
class _Waiting:
    place: int  # number of the episode; it orders the batch
    asked: dict[str, Any]
    answer: asyncio.Future[list[Sample]]


@dataclass(slots=True)
class BatchedStudent:
    """The student of one folder in a process of its own. `episodes` runs many episodes with one sampler each."""

    process: asyncio.subprocess.Process
    draw: SamplingPlan = SamplingPlan(n=1, temperature=0.0)  # how the next episodes are sampled
    seconds: float = 0.0  # that the model took for the last episodes
    _waiting: list[_Waiting] = field(default_factory=list)
    _running: int = 0
    _batches: int = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[BatchedStudent]:
        """Start the process and wait until it has loaded the student, so that loading is not timed."""
        python = serving_python()
        process = await asyncio.create_subprocess_exec(
            str(python), "-W", "ignore", "-m", "lab.swapbench.student_process", str(folder),
            cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=LINE,
            env={"OMP_NUM_THREADS": "1", **os.environ},
        )  # fmt: skip
        try:
            batched = cls(process)
            await batched._ask([])
            yield batched
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def episodes(
        self, draw: SamplingPlan, run: Callable[[int, EpisodeSeat], Awaitable[Answer]], count: int
    ) -> list[Answer]:
        """Run `run(i, sampler)` concurrently for each i below `count`. Returns the answers in order."""
        self.draw, self.seconds, self._running, self._batches = draw, 0.0, count, 0
        pump = asyncio.create_task(self._pump())
        tasks = [asyncio.create_task(self._one(run, i)) for i in range(count)]
        try:
            await asyncio.wait([pump], return_when=asyncio.FIRST_COMPLETED)
            pump.result()  # the pump ends with the last episode, or with the student's process
            return [await task for task in tasks]
        finally:
            for task in (pump, *tasks):
                task.cancel()
            await asyncio.gather(pump, *tasks, return_exceptions=True)

    async def _one(self, run: Callable[[int, EpisodeSeat], Awaitable[Answer]], place: int) -> Answer:
        try:
            return await run(place, EpisodeSeat(self, place))
        finally:
            self._running -= 1

    async def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        while self._running:
            if not self._waiting or len(self._waiting) < self._running:
                await asyncio.sleep(0.005)
                continue
            batch, self._waiting = sorted(self._waiting, key=lambda request: request.place), []
            started = loop.time()
            replies = await self._ask([request.asked for request in batch])
            self.seconds += loop.time() - started
            for request, turns in zip(batch, replies, strict=True):
                request.answer.set_result(
                    [Sample(0, i, turn["text"], turn["tokens"], Finish(turn["finish"])) for i, turn in enumerate(turns)]
                )

    async def _ask(self, asked: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._batches += 1
        draw = {"n": self.draw.n, "temperature": self.draw.temperature, "top_p": self.draw.top_p}
        order = {"asked": asked, **draw, "max_tokens": self.draw.max_tokens, "seed": FIRST_SEED + self._batches}
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        await self.process.stdin.drain()
        line = await self.process.stdout.readline()
        if not line:
            raise OperatorError("the student's process has ended; its output above says why")
        return list(json.loads(line))

    async def wait(self, place: int, asked: dict[str, Any]) -> list[Sample]:
        """Queue a request of the episode `place` and wait for its samples."""
        answer: asyncio.Future[list[Sample]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(place, asked, answer))
        return await answer


@dataclass(frozen=True, slots=True)
class EpisodeSeat:
    """The Sampler of one episode."""

    batched: BatchedStudent
    place: int

    @property
    def source(self) -> str:
        return "student:swapbench"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        assert n == self.batched.draw.n
        return await self.batched.wait(self.place, {"messages": [dict(m) for m in messages], "prefill": prefill})
