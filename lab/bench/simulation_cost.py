"""`sentinel bench simulate`: cost of a batch of candidates, compared with its lower bound and with the plain way.

The floor is the lower bound: the same requests, encoded beforehand and posted over the same connection; the reply is
parsed as JSON. Engine and floor alternate, so that noise affects both alike. Medians are compared.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from pydantic_core import from_json

from lab.bench.bench_desk import BenchDesk, desk
from lab.bench.candidates import random_candidates
from lab.bench.mined_effects import broadcast, effect
from sentinel.core.actions import Candidate
from sentinel.core.errors import ForkUnavailable
from sentinel.core.market_state import MarketState
from sentinel.daemon import garbage_collection
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.snapshot_engine import FLAGS, simulate_by_mining
from sentinel.dex.toolkit import DexToolkit

Progress = Callable[[int, int, str], None]


async def measure(
    sizes: Sequence[int], *, rounds: int = 30, seed: int = 5, progress: Progress = lambda done, total, what: None
) -> list[dict[str, Any]]:
    """One row per size. Starts a market and the forks that it needs, and stops them."""
    rows = []
    async with desk() as bench, Fork(bench.net.network, bench.net.rpc_url, flags=FLAGS, timeout=600) as slow:
        state = await bench.state()
        for done, size in enumerate(sizes):
            progress(done, len(sizes), f"{size} candidates")
            candidates = random_candidates(bench.net.network, state, size, seed)
            rows.append(await _row(bench, slow, state, candidates, rounds))
        progress(len(sizes), len(sizes), "")
    return rows


async def _row(
    bench: BenchDesk, slow: Fork, state: MarketState, candidates: list[Candidate], rounds: int
) -> dict[str, Any]:
    floor = await Floor.of(bench, state, candidates)
    batch_seconds, floor_seconds = [], []
    batch = await bench.kit.simulate_all(state, candidates)
    garbage_collection.freeze_heap()  # as the daemon does before its first cycle
    for turn in range(2 * rounds):
        began = time.perf_counter()
        if turn % 2:
            await bench.kit.simulate_all(state, candidates)
            batch_seconds.append(time.perf_counter() - began)
        else:
            await floor.run()
            floor_seconds.append(time.perf_counter() - began)
    reference = DexToolkit(bench.net.network, slow, simulate_by_mining)
    await slow.follow(state.head)
    began = time.perf_counter()
    mined = await reference.simulate_all(state, candidates)
    snapshot_seconds = time.perf_counter() - began
    real = [await broadcast(bench, simulation) for simulation in batch]
    identical = sum(effect(a) == effect(b) == effect(c) for a, b, c in zip(batch, mined, real, strict=True))
    batch_s, floor_s = statistics.median(batch_seconds), statistics.median(floor_seconds)
    return {
        "candidates": len(candidates),
        "batch_ms": round(batch_s * 1e3, 2),
        "floor_ms": round(floor_s * 1e3, 2),
        "floor_ratio": round(batch_s / floor_s, 3),
        "snapshot_ms": round(snapshot_seconds * 1e3, 1),
        "snapshot_ratio": round(snapshot_seconds / batch_s, 1),
        "identical": identical,
        "reverts": sum(simulation.revert is not None for simulation in batch),
        "batch_least_ms": round(min(batch_seconds) * 1e3, 2),
        "floor_least_ms": round(min(floor_seconds) * 1e3, 2),
        "rounds": rounds,
    }


class Floor:
    """The requests that the engine sends for these candidates, as bytes, and the engine's connection."""

    def __init__(self, bench: BenchDesk, body: bytes) -> None:
        self._bench = bench
        self.body = body

    @staticmethod
    async def of(bench: BenchDesk, state: MarketState, candidates: list[Candidate]) -> Floor:
        async with bench.fork.at(state.head) as rpc:
            bodies: list[object] = []
            exchange = rpc._exchange

            async def listen(body: object, timeout: float | None) -> Any:
                bodies.append(body)
                return await exchange(body, timeout)

            rpc._exchange = listen  # type: ignore[method-assign]
        try:
            await bench.kit.simulate_all(state, candidates)
        finally:
            rpc._exchange = exchange  # type: ignore[method-assign]
        return Floor(bench, json.dumps(bodies[0], separators=(",", ":")).encode())

    async def run(self) -> Any:
        rpc = self._bench.fork._rpc
        if rpc is None:
            raise ForkUnavailable("the fork stopped during the measurement")
        return from_json(await rpc._line(self.body + b"\n"))
