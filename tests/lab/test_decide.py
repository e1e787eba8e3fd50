"""`sentinel bench decide` on a real local market, with the teacher's programs in the model's place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.bench.decision_time import STAGES
from lab.bench.quantiles import summary

BENCH = [sys.executable, "-m", "sentinel", "bench", "decide", "--proposer", "programs", "--json"]


def children(pid: int) -> set[int]:
    """Of this process and of theirs, by /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended in between
    found, new = set[int](), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_quantiles_lie_between_the_times_that_were_measured() -> None:
    """In milliseconds, whatever the order; of one time, that time."""
    assert summary(range(101, 0, -1)) == {"p50": 51_000, "p95": 96_000, "p99": 100_000}
    assert summary([0.001, 0.002]) == {"p50": 1.5, "p95": 1.95, "p99": 1.99}
    assert summary([0.003]) == {"p50": 3.0, "p95": 3.0, "p99": 3.0}


def test_nothing_measured_has_no_quantiles() -> None:
    """An n that never acted must not look fast."""
    assert summary([]) == {}


def test_every_stage_from_head_to_signed_is_timed() -> None:
    """Each counted decision was signed, its stages fit into the whole, and what is not the model is within its goal."""
    done = subprocess.run([*BENCH, "--n", "1,8", "--heads", "4"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [size["n"] for size in found["sizes"]] == [1, 8]
    for size in found["sizes"]:
        assert size["decisions"] == {"act": 4}
        assert set(size["stages"]) == set(STAGES)
        assert all(times["p50"] <= times["p95"] <= times["p99"] for times in size["stages"].values())
        assert sum(times["p50"] for times in size["stages"].values()) <= 1.5 * size["head_to_signed"]["p99"]
        assert 0 < size["own"]["p50"] < size["head_to_signed"]["p99"]
    assert set(found["next_market"]) == {"n", "not_ahead", "ahead"}


def until(seen: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl-C stops chain and fork and removes the folder."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    bench = subprocess.Popen([*BENCH, "--n", "1", "--heads", "100000"], env=environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: bool(list(tmp_path.glob("sentinel-bench-*/fork.log"))), 60)
        time.sleep(1)
        started = children(bench.pid)
        assert started
        bench.send_signal(signal.SIGINT)
        until(lambda: bench.poll() is not None, 30)
    finally:
        bench.kill()
        bench.wait()
    assert bench.returncode == 130
    assert not list(tmp_path.glob("sentinel-bench-*"))
    assert not [pid for pid in started if alive(pid)]
