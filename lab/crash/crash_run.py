"""The whole crash test: a chain, lanes of wallets that are killed on it, and the comparison at the end."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import secrets
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from lab.crash import counter
from lab.crash.crash_tally import CrashTally, EndedLife, upper_bound_95
from lab.crash.lane import PATIENCE, LaneJob, work
from lab.crash.points import POINTS
from lab.crash.whole_daemon import MOMENTS, CrashedDaemon
from sentinel.core.errors import Unavailable
from sentinel.core.network import NATIVE
from sentinel.market import Devnet

Progress = Callable[[int, int, str], None]

TAGS_A_LANE = 10_000_000
_SPAWN = multiprocessing.get_context("spawn")  # a lane forks, so it must not inherit our threads


class CrashRun:
    """Counts the lives of one run by how they ended."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.total = total
        self.points: Counter[str] = Counter()
        self.clean = 0
        self.errors = 0
        self.last_error = ""
        self.stop = asyncio.Event()
        self._progress = progress

    def execed(self) -> int:
        """Number of kills of a whole daemon."""
        return sum(self.points[moment] for moment in MOMENTS)

    def ended(self, ended: EndedLife) -> None:
        """Count one life."""
        if ended.point is not None:
            self.points[ended.point] += 1
            self._progress(min(self.points.total(), self.total), self.total, ended.point)
        elif ended.error:
            self.errors += 1
            self.last_error = ended.error
        else:
            self.clean += 1


async def measure(
    kills: int,
    *,
    execs: int = 0,
    lanes: int = 2,
    seed: int = 1,
    points: tuple[str, ...] = POINTS,
    at_random: float = 0.5,
    mutant: bool = False,
    folder: Path | None = None,
    progress: Progress,
) -> dict[str, Any]:
    """Kill `kills` times, `execs` of them a whole daemon. Ctrl-C ends the run early with its results so far.

    `folder` must be on a real disk. Raises Unavailable if a lane fails.
    """
    started = time.monotonic()
    run = CrashRun(kills, progress)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, run.stop.set)
    try:
        with on_disk("crash-", folder) as home:
            async with asyncio.TaskGroup() as group:
                forked = group.create_task(
                    _forked(
                        home,
                        run,
                        kills - execs,
                        lanes,
                        seed,
                        partial(LaneJob, points=points, at_random=at_random, mutant=mutant),
                    )
                )
                execed = group.create_task(_execed(home, run, execs, seed))
    except* Unavailable as failed:
        raise failed.exceptions[0] from None
    finally:
        loop.remove_signal_handler(signal.SIGINT)
    tally = forked.result() + execed.result()
    seconds, done = time.monotonic() - started, run.points.total()
    return {
        "kills": done,
        "points": dict(sorted(run.points.items())),
        "accepted": tally.accepted,
        "double": tally.double,
        "lost": tally.lost,
        "disagree": tally.disagree,
        "early": tally.early,
        "looks": tally.looks,
        "forgotten": tally.forgotten,
        "failures": tally.failures,
        "upper_bound_95": upper_bound_95(tally.failures, done) if done else 1.0,
        "not_killed": run.clean,
        "errors": run.errors,
        "last_error": run.last_error,
        "seed": seed,
        "seconds": round(seconds, 1),
        "kills_per_second": round(done / seconds, 2),
        "interrupted": run.stop.is_set(),
    }


@contextlib.contextmanager
def on_disk(prefix: str, given: Path | None = None) -> Iterator[Path]:
    """`given`, or a new folder on a real disk. The temporary folder may be in memory, where fsync proves nothing."""
    if given is not None:
        yield given
        return
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=build) as name:
        yield Path(name).resolve()


async def _forked(
    home: Path, run: CrashRun, kills: int, lanes: int, seed: int, job: Callable[..., LaneJob]
) -> CrashTally:
    async with Devnet.start() as net:
        await net.rpc.call("anvil_setCode", counter.COUNTER, counter.COUNTER_CODE)
        genesis = (await counter.read_head(net.rpc, "0x0")).hash
        jobs = []
        for number in range(lanes):
            folder = home / f"lane{number}"
            folder.mkdir()
            key = folder / "dev.key"
            key.touch(mode=0o600)
            key.write_text("0x" + secrets.token_hex(32))
            await net.fund(counter.signer(key).address, {NATIVE: 10**24})
            share = kills // lanes + (number < kills % lanes)
            jobs.append(job(net.rpc_url, folder, genesis, 1 + number * TAGS_A_LANE, share, seed * 1000 + number))
        tallies = await asyncio.gather(*[_lane(job, run) for job in jobs])
    return sum(tallies, CrashTally())


async def _execed(home: Path, run: CrashRun, kills: int, seed: int) -> CrashTally:
    if not kills:
        return CrashTally()
    folder = home / "exec"
    folder.mkdir()
    failures = 0
    async with CrashedDaemon.on(folder, seed) as service:
        while run.execed() < kills and not run.stop.is_set():
            run.ended(ended := await service.kill_once())
            failures = failures + 1 if ended.error else 0
            if failures == PATIENCE:
                raise Unavailable(f"{PATIENCE} consecutive starts failed; the last error: {ended.error}")
        return await service.tally()


async def _lane(job: LaneJob, run: CrashRun) -> CrashTally:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=work, args=(theirs, job), daemon=True)
    process.start()
    theirs.close()
    stopping = asyncio.create_task(_pass_on(run.stop, ours))
    try:
        while True:
            message = await asyncio.to_thread(ours.recv)
            if isinstance(message, CrashTally):
                return message
            run.ended(message)
    except EOFError as error:
        raise Unavailable("the process of a lane has ended: its output above says why") from error
    finally:
        stopping.cancel()
        process.kill()
        process.join()
        ours.close()


async def _pass_on(stop: asyncio.Event, pipe: Connection) -> None:
    await stop.wait()
    pipe.send("stop")
