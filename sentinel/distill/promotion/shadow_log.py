"""What a student in shadow decided, block by block: JSON lines in the state directory, and what they sum up to.

Beside the journal, not in it: nothing was or will be sent because of them, and a journal reads the same without them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentinel.distill.evaluation.paired import difference
from sentinel.distill.states.action_value import captured

FILE = "shadow.jsonl"


@dataclass(frozen=True, slots=True)
class ShadowBlock:
    """Values are quote tokens, as in action_value.py, a hold's 0; where `failed` is set, all of them are 0."""

    at: float  # Unix seconds
    student: str  # served name of the one in shadow
    live: str  # who proposed for the live decision
    block: int
    hash: str
    playbook: str
    failed: str  # short name of what kept the student from a decision; empty: it decided
    agrees: bool  # with the live decision, as the vote would count the two
    oracle: float
    ours: float
    theirs: float  # of the live decision
    decision: str  # "act", or the reason of the hold
    seconds: float


def append(path: Path, block: ShadowBlock) -> None:
    """A line that a kill cut short spoils itself alone."""
    with path.open("a+b") as file:
        if size := file.seek(0, 2):
            file.seek(size - 1)
            file.write(b"" if file.read(1) == b"\n" else b"\n")
        file.write(json.dumps(asdict(block), separators=(",", ":")).encode() + b"\n")


def read(path: Path, student: str) -> Iterator[ShadowBlock]:
    """Those of one student, oldest first; lines that are none are left out."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            found = ShadowBlock(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if found.student == student:
            yield found


def summary(blocks: Sequence[ShadowBlock]) -> dict[str, Any]:
    """A block counts once, whatever its number of records."""
    once = list({one.hash: one for one in blocks}.values())
    decided = [one for one in once if not one.failed]
    if not decided:
        return {"blocks": 0, "failed": len(once)}
    return {
        "blocks": len(decided),
        "failed": len(once) - len(decided),
        "first": decided[0].block,
        "last": decided[-1].block,
        "live": sorted({one.live for one in decided}),
        "agreed": sum(one.agrees for one in decided),
        "captured": round(sum(captured(one.ours, one.oracle) for one in decided) / len(decided), 4),
        "live_captured": round(sum(captured(one.theirs, one.oracle) for one in decided) / len(decided), 4),
        "value": difference([(one.ours, one.theirs) for one in decided]).as_json(),
    }
