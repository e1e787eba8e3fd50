"""A lane: the consecutive lives of one wallet, each forked from a process that has everything loaded.

The forking process has one thread and no event loop, because a fork copies only the calling thread.
"""

from __future__ import annotations

import asyncio
import gc
import mmap
import os
import random
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from lab.crash import counter
from lab.crash.crash_tally import CrashTally, EndedLife, compare
from lab.crash.life import LifeContext, live
from lab.crash.points import POINTS, Here
from sentinel.chain.rpc import Rpc
from sentinel.core.errors import Unavailable
from sentinel.core.network import HexHash
from sentinel.journal.journal import Journal

LIFE_SECONDS = 60.0  # a longer life hangs
PATIENCE = 20  # consecutive lives with an error until the lane gives up
STARTS = 0.2  # share of the random kills that may happen before the journal exists
PHASES = ("starting", "recovery", "trade")


@dataclass(frozen=True, slots=True)
class LaneJob:
    """The parameters of a lane's process. Its tags count up from `first_tag`."""

    url: str
    folder: Path
    genesis: HexHash
    first_tag: int
    kills: int
    seed: int
    points: tuple[str, ...] = POINTS
    at_random: float = 0.5  # share of the kills at a random time
    mutant: bool = False


class Lane:
    """Forks the lives of one wallet and kills them."""

    def __init__(self, job: LaneJob) -> None:
        self._job = job
        self._random = random.Random(job.seed)
        self._marks = mmap.mmap(-1, 4096)  # memory shared with the life: its phase, then its error
        self._usual = 0.1  # seconds of a life that is not killed
        self._tag = job.first_tag
        self._deck: list[str] = []
        self._place = LifeContext(
            job.url,
            job.folder / "journal.sqlite",
            job.genesis,
            counter.network(),
            counter.signer(job.folder / "dev.key"),
            job.mutant,
        )

    def warm(self) -> None:
        """Live once in this process, so that each fork finds everything imported and created."""
        asyncio.run(live(self._place, self._next_tag(), _nothing, _nothing, random.Random(0), share=0))

    def lives(self) -> Iterator[EndedLife]:
        """Yield lives without end. Each is killed at a named point or at a random time."""
        failures = 0
        while True:
            point = self._draw() if self._random.random() >= self._job.at_random else None
            ended = self._killed_at(point, self._random.choice((0, 0, 1, 2))) if point else self._killed_sometime()
            if point and ended.point is None:
                self._deck.append(point)  # the life did not reach the point
            failures = failures + 1 if ended.error else 0
            if failures == PATIENCE:
                raise Unavailable(f"{PATIENCE} consecutive lives failed; the last error: {ended.error}")
            yield ended
            self._mine(self._random.choice((0, 0, 1, 2)))

    def tally(self) -> CrashTally:
        """Live once more without a kill, then compare chain and journal."""
        for _ in range(PATIENCE):
            if not (ended := self._wait(self._fork(0, "", 0))).error:
                break
        else:
            raise Unavailable(f"the last life failed: {ended.error}")
        tags = range(self._job.first_tag, self._tag)
        context = self._place
        journal = Journal.open(context.journal, context.network, context.genesis, context.signer.address)
        try:
            return compare(journal, tags, asyncio.run(self._effects(tags)))
        finally:
            journal.close()

    # ---------------------------------------------------------------- killing

    def _killed_at(self, point: str, skip: int) -> EndedLife:
        return self._wait(self._fork(self._next_tag(), point, skip), point)

    def _killed_sometime(self) -> EndedLife:
        """Kill a life at a random time within its usual length. A shorter life ends by itself."""
        from_start = self._random.random() < STARTS
        delay = self._random.uniform(0, self._usual)
        pid = self._fork(self._next_tag(), "", 0)
        started = now = time.monotonic()
        while now < started + delay:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._usual += 0.2 * (now - started - self._usual)
                break
            time.sleep(0.001)
            now = time.monotonic()
            if not self._marks[0] and not from_start:
                started = now
        else:
            self._usual *= 1.01  # so that kills reach the end of a life too
            os.kill(pid, signal.SIGKILL)
        return self._wait(pid, "random")

    def _wait(self, pid: int, point: str = "") -> EndedLife:
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            phase = PHASES[self._marks[0]]
            return EndedLife(point if phase == "trade" else f"{phase}.{point}")
        return EndedLife(None, "" if code == 0 else self._marks[1:].split(b"\0", 1)[0].decode(errors="replace"))

    def _fork(self, tag: int, point: str, skip: int) -> int:
        self._marks[:] = bytes(len(self._marks))
        drops = random.Random(self._random.random())
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            life = live(self._place, tag, self._killer(point, skip), self._phase, drops)
            asyncio.run(asyncio.wait_for(life, LIFE_SECONDS))
            code = 0
        except BaseException:
            text = traceback.format_exc()[-3000:].encode()
            self._marks[1 : 1 + len(text)] = text
        finally:
            os._exit(code)

    def _killer(self, point: str, skip: int) -> Here:
        passed = 0

        def here(name: str) -> None:
            nonlocal passed
            if name == point:
                passed += 1
                if passed > skip:
                    os.kill(os.getpid(), signal.SIGKILL)

        return here

    def _phase(self, name: str) -> None:
        self._marks[0] = PHASES.index(name)

    # ---------------------------------------------------------------- parts

    def _draw(self) -> str:
        if not self._deck:
            self._deck = self._random.sample(self._job.points, len(self._job.points))
        return self._deck.pop()

    def _next_tag(self) -> int:
        self._tag += 1
        return self._tag - 1

    def _mine(self, blocks: int) -> None:
        """Mine blocks, as the chain does whether Sentinel lives or not."""

        async def mine() -> None:
            async with Rpc(self._job.url) as rpc:
                for _ in range(blocks):
                    await rpc.call("evm_mine")

        if blocks:
            asyncio.run(mine())

    async def _effects(self, tags: range) -> list[int]:
        async with Rpc(self._job.url) as rpc:
            return await counter.effects(rpc, tags)


def _nothing(_: str) -> None:
    pass


def work(pipe: Connection, job: LaneJob) -> None:
    """Main function of a lane's process: sends each `EndedLife`, then a `CrashTally`. Any message ends it early."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and asks us to stop
    lane = Lane(job)
    lane.warm()
    gc.collect()
    gc.freeze()
    kills = 0
    for ended in lane.lives() if job.kills else ():
        pipe.send(ended)
        kills += ended.point is not None
        if kills >= job.kills or pipe.poll():
            break
    pipe.send(lane.tally())
