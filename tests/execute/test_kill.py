"""SIGKILL at any point: each accepted intent takes effect exactly once; sending before saving would not keep that."""

from __future__ import annotations

import asyncio
import multiprocessing
from pathlib import Path

import pytest

from sentinel.journal.journal import Journal
from sentinel.types import Outcome
from tests.execute import kill_child
from tests.execute.kill_child import POINTS
from tests.execute.rig import Rig

ROUNDS = 2
AGAIN = ("sent", "receipt", "marked", "signed", "settled", "committed", "picked")  # where the recovery is killed
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.execute.kill_child"])


async def killed_run(rig: Rig, tag: int, point: str, *, mutant: bool = False) -> int:
    folder = str(rig.path.parent)
    process = CONTEXT.Process(target=kill_child.run, args=(rig.net.rpc_url, folder, rig.genesis, tag, point, mutant))
    process.start()
    await asyncio.to_thread(process.join)
    code = process.exitcode
    process.close()
    assert code in (0, -9)
    return code


async def tally(rig: Rig, tags: int) -> tuple[int, int, int]:
    """(accepted, double, lost) by what the chain and the journal say."""
    journal = Journal.open(rig.path, rig.network, rig.genesis, rig.signer.address)
    assert journal.unfinished() == ()
    journal.verify()
    trades = journal.trades(1000)
    journal.close()
    effects = [await rig.effects(tag) for tag in range(1, tags + 1)]
    confirmed = sum(trade.state == Outcome.CONFIRMED for trade in trades)
    assert confirmed == sum(count > 0 for count in effects)  # nothing happened that the journal does not know
    return len(trades), sum(count > 1 for count in effects), len(trades) - sum(count > 0 for count in effects)


@pytest.mark.timeout(240)
async def test_killed_anywhere(tmp_path: Path) -> None:
    """Killed at eight named points, and again while recovering, no intent is doubled and none accepted is lost."""
    points = POINTS * ROUNDS
    async with Rig.start(tmp_path) as rig:
        rig.journal.close()
        kills = 0
        for tag, point in enumerate(points, start=1):
            assert await killed_run(rig, tag, point) == -9
            again = await killed_run(rig, 0, AGAIN[tag % len(AGAIN)])
            kills += 1 + (again == -9)
            assert await killed_run(rig, 0, "") == 0
        assert await tally(rig, len(points)) == (len(points), 0, 0)
    assert kills > len(points) * 5 // 4


@pytest.mark.timeout(120)
async def test_send_then_save_doubles(tmp_path: Path) -> None:
    """The mutant that saves after sending trades twice when it is killed in between: so the test above can fail."""
    async with Rig.start(tmp_path) as rig:
        rig.journal.close()
        assert await killed_run(rig, 1, "sent", mutant=True) == -9
        await rig.mine()
        assert await killed_run(rig, 0, "", mutant=True) == 0
        assert await rig.effects(1) == 2
