"""`sentinel bench backtest`: cycles a second of one core, where the time goes, and whether memory stays flat."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.bench.resident_memory import resident
from sentinel.cli.backtest_signer import backtest_signer
from sentinel.daemon import garbage_collection
from sentinel.paper.backtest.replay import Replay, opened
from sentinel.paper.backtest.replayed_market import ReplayedMarket
from sentinel.paper.backtest.task import Task
from sentinel.prices.bars import packaged

ORDERS = {
    "rarely": "Rebalance to 50% WETH and 50% USDC when off by more than 5%.",
    "often": (
        "If the change of WETH over 30 minutes is at least 0.5%, buy 600 USDC worth of WETH, each time this turns true."
        " If the change of WETH over 30 minutes is at most -0.5%, sell 600 USDC worth of WETH, each time this turns"
        " true."
    ),
}
KNOWN = 720  # minutes before the first
PARTS = 4  # of a run, after each of which memory is read
TICKS = os.sysconf("SC_CLK_TCK")

Progress = Callable[[int, int, str], None]


async def measure(minutes: int, progress: Progress = lambda done, total, what: None) -> list[dict[str, Any]]:
    """One row an order. CPU time is that of this process and of the chain, so other processes hardly change it."""
    rows = []
    for name, reading in ORDERS.items():
        closes = [bar.close for bar in packaged().bars]
        start = packaged().bars[KNOWN].time
        task = Task(
            *(name, reading, 0, 7, start, tuple(closes[KNOWN : KNOWN + minutes]), tuple(closes[:KNOWN])),
            explicit={"proposer": "oracle"},
            env_file=".env",
        )
        alone = await _market_alone(task)
        with tempfile.TemporaryDirectory(prefix="sentinel-bench-") as home:
            async with opened(task, Path(home), backtest_signer) as replay:
                rows.append(await _row(name, minutes, replay, alone, progress))
    return rows


async def _row(name: str, minutes: int, replay: Replay, alone: float, progress: Progress) -> dict[str, Any]:
    garbage_collection.freeze_heap()
    chain = replay.market.net.process.pid
    memory: list[tuple[float, float]] = []

    def count(minute: int) -> None:
        progress(minute, minutes, name)
        if minute % (minutes // PARTS) == 0:
            memory.append((resident("self"), resident(chain)))

    own, chained, begun = time.process_time(), _cpu(chain), time.perf_counter()
    await replay.run(minutes, count)
    own, chained, wall = time.process_time() - own, _cpu(chain) - chained, time.perf_counter() - begun
    return {
        "order": name,
        "cycles": minutes,
        "trades": len(replay.observing.trades),
        "per_second": round(minutes / wall, 2),
        "per_cpu_second": round(minutes / (own + chained), 2),
        "own_ms": round(own / minutes * 1e3, 3),
        "chain_ms": round(chained / minutes * 1e3, 3),
        "times_of_market": round((own + chained) / minutes / alone, 2),
        "shares": _shares(replay.stages.seconds, wall),
        "memory": memory,
    }


def _shares(stages: dict[str, float], wall: float) -> dict[str, float]:
    """Of the wall time. `play` is the rest of the cycle: the order's player, and the day's totals."""
    inner = {
        "read": stages.get("read", 0.0),
        **{name: stages.get(name, 0.0) for name in ("propose", "simulate", "policy", "vote", "prepare", "confirm")},
    }
    parts = {
        "bar": stages["bar"],
        "follow": stages["follow"],
        **inner,
        "play": stages["total"] - sum(inner.values()),
        "record": stages["cycle"] - stages["total"],
        "value": stages["observe"],
    }
    return {name: round(seconds / wall, 4) for name, seconds in parts.items()}


async def _market_alone(task: Task) -> float:
    """CPU seconds of a block of the market without a daemon."""
    with tempfile.TemporaryDirectory(prefix="sentinel-bench-") as home:
        async with ReplayedMarket.start(task, Path(home)) as market:
            pid, count = market.net.process.pid, len(task.closes) - 1
            begun = time.process_time() + _cpu(pid)
            for _ in range(count):
                await market.net.market.step()
            return (time.process_time() + _cpu(pid) - begun) / count


def _cpu(process: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
