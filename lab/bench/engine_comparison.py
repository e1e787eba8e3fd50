"""Comparison of both simulation engines on random candidates, reverts included: all effects must be the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from lab.bench.bench_desk import desk
from lab.bench.candidates import random_candidates
from lab.bench.mined_effects import effect
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.snapshot_engine import FLAGS, simulate_by_mining
from sentinel.dex.toolkit import DexToolkit

AT_ONCE = 100  # candidates per block

Progress = Callable[[int, int, str], None]


async def compare(count: int, *, seed: int = 11, progress: Progress = lambda done, total, what: None) -> dict[str, Any]:
    """Simulate `count` candidates in both engines. `differ` lists block, candidate and both effects as text."""
    reasons: Counter[str] = Counter()
    legs: Counter[str] = Counter()
    differ: list[dict[str, Any]] = []
    done = 0
    async with desk() as bench, Fork(bench.net.network, bench.net.rpc_url, flags=FLAGS, timeout=600) as slow:
        reference = DexToolkit(bench.net.network, slow, simulate_by_mining)
        while done < count:
            progress(done, count, "candidates")
            await bench.net.market.step()
            state = await bench.state()
            candidates = random_candidates(bench.net.network, state, min(AT_ONCE, count - done), seed + done)
            batch = await bench.kit.simulate_all(state, candidates)
            mined = await reference.simulate_all(state, candidates)
            for batched, single in zip(batch, mined, strict=True):
                reasons[batched.revert or "succeeded"] += 1
                legs.update(
                    leg.venue for route in getattr(batched.candidate.action, "routes", ()) for leg in route.legs
                )
                if effect(batched) != effect(single):
                    where = {"block": state.head.number, "candidate": batched.candidate.index}
                    differ.append({**where, "batch": str(effect(batched)), "mined": str(effect(single))})
            done += len(candidates)
        progress(count, count, "")
    return {
        "candidates": done,
        "identical": done - len(differ),
        "legs": dict(sorted(legs.items())),
        "outcomes": dict(reasons.most_common()),
        "differ": differ,
    }
