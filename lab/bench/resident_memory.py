"""Resident memory of this process and of the fork's Anvil over thousands of batches."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.bench.bench_desk import desk
from lab.bench.candidates import random_candidates

STEP = 20  # batches per block
SAMPLES = 20

Progress = Callable[[int, int, str], None]


async def soak(batches: int, *, size: int = 8, progress: Progress = lambda done, total, what: None) -> dict[str, Any]:
    """Simulate batches and take samples at equal intervals, the first after one interval. Sizes are in MiB."""
    samples: list[dict[str, float]] = []
    async with desk() as bench:
        every = max(1, batches // SAMPLES)
        for done in range(batches):
            if done % STEP == 0:
                await bench.net.market.step()
                state = await bench.state()
                candidates = random_candidates(bench.net.network, state, size, done)
            await bench.kit.simulate_all(state, candidates)
            if (done + 1) % every == 0:
                progress(done + 1, batches, "batches")
                gc.collect()
                samples.append({"batches": done + 1, "own": resident("self"), "fork": resident(bench.fork.pid or 0)})
        files = len(os.listdir("/proc/self/fd"))
        resets = bench.fork.resets
    return {"batches": batches, "size": size, "resets": resets, "open_files": files, "samples": samples}


def resident(process: int | str) -> float:
    """Resident memory of a process in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return round(kib / 1024, 1)
