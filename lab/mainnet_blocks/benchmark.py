"""`sentinel bench mainnet-blocks`: simulate the transactions of real blocks and compare with the real receipts."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from lab.mainnet_blocks.block_replay import Replay, replay, state_file
from lab.mainnet_blocks.real_block import RealBlock, block_folders, load_block, load_shared
from lab.mainnet_blocks.upstream import Slot
from lab.mainnet_blocks.verdicts import block_report, judge, summary
from sentinel.core.errors import OperatorError

ATTRIBUTIONS = 64  # max replays that search for the first reader of an unknown slot

Progress = Callable[[int, int, str], None]  # blocks done, all blocks, current block


async def measure(
    folder: Path,
    *,
    only: Collection[int] = (),
    anvil: str | Path | None = None,
    progress: Progress = lambda done, total, what: None,
) -> dict[str, Any]:
    """A summary, and one report per block. `only` selects block numbers; empty means all.

    Raises OperatorError if the folder is wrong, and Unavailable if Anvil fails.
    """
    folders = block_folders(folder)
    shelf = load_shared(folder)
    if only:
        missing = set(only) - {int(path.name) for path in folders if path.name.isdigit()}
        if missing:
            raise OperatorError(f"{folder} has no block {', '.join(map(str, sorted(missing)))}")
        folders = [path for path in folders if path.name.isdigit() and int(path.name) in only]
    reports = []
    for done, path in enumerate(folders):
        progress(done, len(folders), f"block {path.name}")
        reports.append(await measure_block(load_block(path, shelf), anvil))
    progress(len(folders), len(folders), "")
    return {"summary": summary(reports), "blocks": reports}


async def measure_block(block: RealBlock, anvil: str | Path | None = None) -> dict[str, Any]:
    """Replay one block and report on it."""
    began = time.perf_counter()
    async with state_file(block) as genesis:
        count = len(block.transactions)
        found = await replay(block, genesis, count, anvil) if count else Replay([])
        first_reads = await _first_reads(block, genesis, found, anvil) if found.slots else {}
    verdicts = judge(block, found, first_reads)
    return block_report(block, found, verdicts, time.perf_counter() - began)


async def _first_reads(
    block: RealBlock, genesis: Path, whole: Replay, anvil: str | Path | None
) -> dict[int, list[Slot]]:
    """Transaction -> unknown slots that it reads first in the block, found by bisection.

    After ATTRIBUTIONS replays, the last transaction of the remaining part is named.
    """
    reads: dict[int, list[Slot]] = {}
    remaining_replays = ATTRIBUTIONS

    async def search(low: int, before: set[Slot], high: int, after: set[Slot]) -> None:
        nonlocal remaining_replays
        if before == after:
            return
        if high - low <= 1 or remaining_replays == 0:
            reads.setdefault(high - 1, []).extend(sorted(after - before))
            return
        remaining_replays -= 1
        middle = (low + high) // 2
        at = (await replay(block, genesis, middle, anvil)).slots & after | before
        await search(low, before, middle, at)
        await search(middle, at, high, after)

    await search(0, set(), len(block.transactions), whole.slots)
    return reads
