"""Collection through Ray, on a real cluster of this machine with two workers; the command in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import CHECKOUT
from sentinel.core.errors import OperatorError
from sentinel.distill.collecting.collect import collect
from sentinel.distill.collecting.ray_engine import PlayedStretch, RayEngine
from sentinel.distill.collecting.trajectories import version
from sentinel.distill.states import split
from sentinel.distill.states.arena import WALLETS
from sentinel.distill.states.tasks import BARS_A_SEGMENT, CollectionRequest
from sentinel.distill.teaching.teacher import OracleTeacher
from sentinel.distill.trajectory_store import TrajectoryShards

MARK = "COLLECT_TEST_MARK"  # in the environment of the command and of all that it starts
SEGMENT = BARS_A_SEGMENT * len(WALLETS)  # states


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go: a short name, since Ray's sockets stand there."""
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


async def start(folder: Path, states: int, *options: str) -> asyncio.subprocess.Process:
    """`folder` stands in the environment of every process that comes of it."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sentinel", "distill", "collect", "--out", str(folder), "--part", "dev",
        "--states", str(states), "--rows", "50", *options,
        cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, MARK: str(folder)}, start_new_session=True,
    )  # fmt: skip


async def run(folder: Path, states: int, *options: str) -> dict[str, int]:
    process = await start(folder, states, *options)
    out, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    counts: dict[str, int] = json.loads(out)
    return counts


def started(folder: Path) -> list[str]:
    """The command lines of what lives with `folder` in its environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={folder}".encode() in (place / "environ").read_bytes().split(b"\0"):
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has gone
            continue
    return [command for command in found if command]


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(240):
        while not await asyncio.to_thread(seen):
            pass


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}


@pytest.mark.proof
async def test_two_workers_write_what_one_process_writes_and_go_on_where_it_stopped(tmp_path: Path) -> None:
    """Byte for byte; the folder was begun without Ray, each of the two workers played a segment, and nothing stays."""
    states = SEGMENT + 8
    alone = await run(tmp_path / "alone", states)
    await run(tmp_path / "both", 20)
    both = await run(tmp_path / "both", states, "--engine", "ray", "--workers", "2")
    assert both == {**alone, "workers": 2}
    assert alone["rows"] == states
    assert shards(tmp_path / "both") == shards(tmp_path / "alone")
    assert len(shards(tmp_path / "alone")) == 5  # of rows, and the duplicates
    assert started(tmp_path / "both") == []


@pytest.mark.proof
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_however_the_driver_ends_no_process_stays(tmp_path: Path, short: Path, number: int) -> None:
    """Neither Ray's nor an Anvil, with chains in full use; Ctrl-C reaches the whole foreground group, and then no file
    stays either."""
    process = await start(tmp_path, 100_000, "--engine", "ray", "--workers", "2")
    try:
        await until(lambda: sum("anvil --quiet" in command for command in started(tmp_path)) >= 4)
        os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        _, told = await process.communicate()
        assert process.returncode != 0
        await until(lambda: started(tmp_path) == [])
        assert b"Traceback" not in told
        assert number == signal.SIGKILL or os.listdir(short) == []
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(OperatorError, match=r"extra `dist` \(pip install 'sentinel-trader\[dist\]'\)"):
        await collect(
            CollectionRequest(split.load("dev"), 4), OracleTeacher(), TrajectoryShards(tmp_path), engine=RayEngine()
        )


async def test_an_llm_is_not_asked_through_ray(tmp_path: Path) -> None:
    """Its pace, its key and its costs belong to one process."""

    class Other:
        source, model, timeout = "llm", "m", 1.0

    with pytest.raises(OperatorError, match="only with the oracle"):
        await collect(CollectionRequest(split.load("dev"), 4), Other(), TrajectoryShards(tmp_path), engine=RayEngine())  # type: ignore[arg-type]


def test_a_worker_with_other_code_is_refused() -> None:
    """Its rows would say what they do not come from."""
    engine = RayEngine()
    assert engine.accept(PlayedStretch([4], version(), "near 1")) == [4]
    with pytest.raises(OperatorError, match=r"far 2 runs Sentinel 0\.0\.9, but this machine runs 0\.1\.0"):
        engine.accept(PlayedStretch([4], "0.0.9", "far 2"))
    assert engine.seen == {"near 1"}
