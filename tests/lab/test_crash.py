"""SIGKILL at any point: each accepted intent takes effect exactly once; sending before saving would not keep that."""

from __future__ import annotations

from math import comb
from pathlib import Path

import pytest

from lab.crash.crash_run import measure
from lab.crash.crash_tally import upper_bound_95
from lab.crash.points import POINTS


def quiet(done: int, total: int, what: str) -> None:
    pass


@pytest.mark.timeout(120)
async def test_killed_anywhere(tmp_path: Path) -> None:
    """Killed at eight named points, at any time, and while recovering, no intent is doubled and none accepted lost."""
    found = await measure(70, lanes=1, at_random=0.3, folder=tmp_path, progress=quiet)
    assert found["kills"] == 70 == sum(found["points"].values())
    assert set(POINTS) <= {name.split(".")[-1] for name in found["points"]}
    assert sum(count for name, count in found["points"].items() if name.startswith("recovery.")) >= 10
    assert found["accepted"] >= 30
    assert (found["double"], found["lost"], found["disagree"], found["errors"]) == (0, 0, 0, 0)


@pytest.mark.timeout(120)
async def test_send_then_save_doubles(tmp_path: Path) -> None:
    """The mutant that saves after sending trades twice when it is killed in between: so the test above can fail."""
    found = await measure(20, lanes=1, points=("sent",), at_random=0, mutant=True, folder=tmp_path, progress=quiet)
    assert found["points"].keys() == {"sent", "recovery.sent"} or found["points"].keys() == {"sent"}
    assert found["double"] > 0
    assert found["lost"] == 0


@pytest.mark.parametrize(("failures", "trials"), [(0, 60), (1, 60), (3, 1000), (59, 60)])
def test_upper_bound(failures: int, trials: int) -> None:
    """At the bound, so few failures or fewer have a chance of exactly 5 %."""
    p = upper_bound_95(failures, trials)
    chance = sum(comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(failures + 1))
    assert chance == pytest.approx(0.05, rel=1e-6)
    assert failures / trials < p <= 1
