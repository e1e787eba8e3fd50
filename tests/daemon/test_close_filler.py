"""When the gaps of the closes are filled: not before the first cycle, at each new gap, and again after an error."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from sentinel.chain.close_backfill import Filled
from sentinel.chain.close_history import CloseHistory
from sentinel.daemon.close_filler import CloseFiller
from tests.journal.values import cycle


@dataclass
class Backfill:
    answers: list[Filled | Exception]
    runs: list[int] = field(default_factory=list)

    async def run(self, above: int = 0) -> Filled:
        self.runs.append(above)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def settled_down() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_waits_for_a_cycle_and_for_gaps_and_keeps_in_mind_what_is_pruned() -> None:
    backfill = Backfill([Filled(1, 2, 70, "pruned"), Filled(0, 0, 0)])
    history = CloseHistory()
    filler = CloseFiller(backfill, history, structlog.get_logger())  # type: ignore[arg-type]
    await filler.start()
    await settled_down()
    assert backfill.runs == []
    for _ in range(3):  # cycles without a gap in between
        filler.cycle_done(cycle())
        await settled_down()
    assert backfill.runs == [0]
    history.holes += 1
    filler.cycle_done(cycle())
    await settled_down()
    assert backfill.runs == [0, 70]
    await filler.stop()


async def test_it_tries_again_after_an_error_and_no_error_ends_it() -> None:
    backfill = Backfill([Filled(0, 1, 0, "late"), ValueError("ours"), Filled(1, 1, 0)])
    filler = CloseFiller(backfill, CloseHistory(), structlog.get_logger(), retry=0.01)  # type: ignore[arg-type]
    await filler.start()
    filler.cycle_done(cycle())
    await asyncio.sleep(0.2)
    assert backfill.runs == [0, 0, 0]
    await filler.stop()
