"""The gradient of a step, made by several cores: each worker takes the next few rows that no other has taken.

The rows of a step are cut into parts. The gradient of each part has a place of its own, and the parts are added in
their order, so the number of workers changes no byte.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn

_FORKS = multiprocessing.get_context("fork")
OfPart = Callable[[int, int], float]  # step, part -> its share of the loss; adds to the gradients of the parameters


@dataclass(frozen=True, slots=True)
class _Worker:
    pipe: Connection
    pid: int


class Gradients:
    """A context manager. The workers are forks that share the parameters, and nothing else that changes.

    `of_part` must not depend on anything that changes but the parameters; `parts` is the number of parts of each step.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], of_part: OfPart, parts: Sequence[int], workers: int) -> None:
        self._parameters, self._of_part, self._parts = parameters, of_part, parts
        self._count = max(1, min(workers, max(parts)))
        self._next = _FORKS.Value(ctypes.c_long, 0)  # part that is to be taken
        self._workers: list[_Worker] = []
        self._seconds: dict[int, float] = {}  # of CPU time, of each worker

    def __enter__(self) -> Gradients:
        sizes = sum(parameter.numel() for parameter in self._parameters)
        self._losses = _shared(max(self._parts), 2).view(torch.float64)[:, 0]
        if self._count == 1:
            self._places = torch.zeros(max(self._parts), sizes, device=self._parameters[0].device)
            return self
        self._places = _shared(max(self._parts), sizes)
        values = _shared(1, sizes)[0]
        for parameter, own in zip(self._parameters, self._views(values), strict=True):
            own.copy_(parameter.detach())
            parameter.data = own
        for _ in range(self._count - 1):
            ours, theirs = _FORKS.Pipe()
            if not (pid := os.fork()):
                ours.close()
                for earlier in self._workers:
                    earlier.pipe.close()
                self._serve(theirs)
            theirs.close()
            self._workers.append(_Worker(ours, pid))
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(worker.pid, 0)
        self._workers.clear()

    @property
    def worker_seconds(self) -> float:
        """CPU time of the workers so far, without this process."""
        return sum(self._seconds.values())

    def step(self, number: int) -> float:
        """Set the gradients of the parameters to those of step `number`. Returns its loss.

        Raises SystemExit if a worker died.
        """
        self._next.value = 0
        try:
            for worker in self._workers:
                worker.pipe.send(number)
            self._take(number)
            for worker in self._workers:
                self._seconds[worker.pid] = worker.pipe.recv()
        except (EOFError, OSError) as error:
            raise SystemExit("a worker of the training died: run the same command again to resume") from error
        parts = self._parts[number]
        total = self._places[0].clone()
        for part in range(1, parts):
            total += self._places[part]
        for parameter, gradient in zip(self._parameters, self._views(total), strict=True):
            parameter.grad = gradient
        return float(self._losses[:parts].sum())

    def _take(self, number: int) -> None:
        """Make parts of the step until none is left."""
        while (part := self._claim()) < self._parts[number]:
            for parameter in self._parameters:
                parameter.grad = None
            self._losses[part] = self._of_part(number, part)
            for parameter, place in zip(self._parameters, self._views(self._places[part]), strict=True):
                place.copy_(parameter.grad)

    def _claim(self) -> int:
        """The next part of the step."""
        with self._next.get_lock():
            self._next.value += 1
            return self._next.value - 1

    def _views(self, flat: Tensor) -> list[Tensor]:
        pieces = flat.split([parameter.numel() for parameter in self._parameters])
        return [piece.view_as(parameter) for piece, parameter in zip(pieces, self._parameters, strict=True)]

    def _serve(self, pipe: Connection) -> None:
        """What a worker does. It ends with the process that it works for, which alone heeds signals."""
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        begun = time.process_time()
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._take(pipe.recv())
                pipe.send(time.process_time() - begun)
        os._exit(0)


def _shared(rows: int, columns: int) -> Tensor:
    """Zeros that forks share."""
    return torch.frombuffer(mmap.mmap(-1, 4 * rows * columns), dtype=torch.float32).view(rows, columns)
