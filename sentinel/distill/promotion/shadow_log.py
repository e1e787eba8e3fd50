"""The shadow log: the decisions of a student in shadow as JSON lines in the state directory, and their summary.

They are not in the journal, because nothing is sent because of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentinel.distill.evaluation.paired import difference

FILE = "shadow.jsonl"


@dataclass(frozen=True, slots=True)
class ShadowBlock:
    """One block. A decision is right if it does what the approved order says."""

    at: float  # Unix seconds
    student: str  # served name of the student in shadow
    live: str  # source of the live proposal
    block: int
    hash: str
    order: str  # hash of the approved order
    failed: str  # error class that prevented a decision; empty if the student decided
    agrees: bool  # the vote would count it and the live decision as the same
    right: bool  # the student's decision; False if it failed
    live_right: bool  # the live decision
    decision: str  # "act", or the reason of the hold
    seconds: float


def append(path: Path, block: ShadowBlock) -> None:
    """Append one line. A line that a kill cut short does not spoil the next one."""
    with path.open("a+b") as file:
        if size := file.seek(0, 2):
            file.seek(size - 1)
            file.write(b"" if file.read(1) == b"\n" else b"\n")
        file.write(json.dumps(asdict(block), separators=(",", ":")).encode() + b"\n")


def read(path: Path, student: str) -> Iterator[ShadowBlock]:
    """Yield the blocks of one student, oldest first. Broken lines are skipped."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            block = ShadowBlock(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if block.student == student:
            yield block


def summary(blocks: Sequence[ShadowBlock]) -> dict[str, Any]:
    """The summary of `blocks`. A block with several records counts once."""
    unique = list({block.hash: block for block in blocks}.values())
    decided = [block for block in unique if not block.failed]
    if not decided:
        return {"blocks": 0, "failed": len(unique)}
    return {
        "blocks": len(decided),
        "failed": len(unique) - len(decided),
        "first": decided[0].block,
        "last": decided[-1].block,
        "live": sorted({block.live for block in decided}),
        "agreed": sum(block.agrees for block in decided),
        "right": sum(block.right for block in decided),
        "live_right": sum(block.live_right for block in decided),
        "difference": difference([(float(block.right), float(block.live_right)) for block in decided]).as_json(),
    }
