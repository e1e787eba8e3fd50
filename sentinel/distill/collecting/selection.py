"""Selection of the training data: every row is kept, or dropped with a reason that is counted.

A row is fit if the fork verified it at collection, every turn parses, it read the market, and it captures ENOUGH of the
value. Fit rows are then balanced over playbooks and over acting and holding, in the order of collection. Code that
failed and was fixed in a later step is kept, because it teaches how to fix an error.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentinel.agent.parse import parse
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.tool_docs import named
from sentinel.distill import trajectory_store
from sentinel.distill.collecting.best_of import HARDER, BestOf
from sentinel.distill.collecting.trajectories import TOO_LITTLE
from sentinel.distill.states.action_value import ENOUGH
from sentinel.distill.trajectory_store import TrajectoryRow

SPARE_HOLDS = 20  # max excess of a playbook's holds over its acts
SHARE = 0.3  # max share of one playbook in the kept rows: about twice an equal share of the seven


@dataclass(slots=True)
class PlaybookBalance:
    """Counts the kept rows and rejects those that exceed a limit. `count` is the total to keep; None means no total."""

    count: int | None
    max_per_playbook: float  # rows of one playbook
    kept_by_playbook: Counter[tuple[str, bool]] = field(default_factory=Counter)  # by playbook and whether it acts

    def full(self, row: TrajectoryRow) -> str | None:
        """The reason why `row` does not fit any more; None if it fits."""
        playbook = row.trajectory.playbook
        acted, held = self.kept_by_playbook[playbook, True], self.kept_by_playbook[playbook, False]
        if self.count is not None and self.kept_by_playbook.total() >= self.count:
            return "enough already"
        if not row.acts and held > acted + SPARE_HOLDS:
            return "holds outnumber acts"
        return "too many of its playbook" if acted + held >= self.max_per_playbook else None


def select(folder: Path, out: Path, *, count: int | None = None, best: BestOf | None = None) -> dict[str, Any]:
    """Write the selected trajectories as JSON lines and a report beside them. Returns the report.

    `best` limits the trajectories per state. Each file is written atomically.
    """

    def good() -> Iterator[TrajectoryRow]:
        return (row for row in trajectory_store.read(folder) if unfit_reason(row) is None)

    out.parent.mkdir(parents=True, exist_ok=True)
    harder = best.harder(good, out.with_suffix(".losses.jsonl")) if best else frozenset[str]()
    fit = sum(1 for _ in good()) - len(harder)
    balance = PlaybookBalance(count, math.ceil(SHARE * (fit if count is None else count)))
    dropped, teachers, first_thoughts = Counter[str](), Counter[str](), Counter[str]()

    def chosen() -> Iterator[str]:
        for row in trajectory_store.read(folder):
            reason = unfit_reason(row) or (HARDER if row.trajectory.id in harder else None) or balance.full(row)
            if reason is not None:
                dropped[reason] += 1
                continue
            balance.kept_by_playbook[row.trajectory.playbook, row.acts] += 1
            teachers[f"{row.trajectory.source} {row.trajectory.model}".strip()] += 1
            first_thoughts[row.prefix] += 1
            yield trajectory_store.dumps(trajectory_store.body_of(row.trajectory)) + "\n"

    _write(out, chosen())
    report = {
        "kept": {f"{p} {'act' if acts else 'hold'}": k for (p, acts), k in sorted(balance.kept_by_playbook.items())},
        "dropped": dict(sorted(dropped.items())),
        "rows": balance.kept_by_playbook.total() + dropped.total(),
        "teachers": dict(sorted(teachers.items())),
        "first_thoughts": dict(sorted(first_thoughts.items())),
        **({"best_of": {"k": best.k, "student": best.weights()}} if best else {}),
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
    }
    _write(out.with_suffix(".report.json"), [json.dumps(report, indent=1) + "\n"])
    return report


def unfit_reason(row: TrajectoryRow) -> str | None:
    """The reason why the row is unfit for training; None if it is fit."""
    if row.fault is not None:
        return row.fault
    if row.trajectory.playbook not in PLAYBOOKS:
        return "unknown playbook"
    turns, given = row.trajectory.turns, row.trajectory.given
    codes = [(index, parse(turn.text)) for index, turn in enumerate(turns) if turn.role == "assistant"]
    good = [code for _, code in codes if isinstance(code, str)]
    if any(not isinstance(code, str) for index, code in codes if index >= given):
        return "a turn does not parse"
    if not any(_reads(code) for code in good):
        return "no_fresh_read"
    return None if row.trajectory.score >= ENOUGH else TOO_LITTLE


def _reads(code: str) -> bool:
    """True if the code calls a tool that reads the market. This checks the text; the sandbox checked the run."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError):
        return False
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return bool(called & FRESH)


FRESH = named().fresh


def _write(path: Path, lines: Iterable[str]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    partial.replace(path)
