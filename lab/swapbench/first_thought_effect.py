"""What a first thought given at inference does to a student: the right plan, another playbook's, or none.

The student was trained with right plans alone. Whether it follows a wrong one or the order shows in the code it writes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import uvloop

from lab.swapbench import cells, posed_states
from lab.swapbench.answers import ONE, StudentAnswer, answer
from lab.swapbench.posed_states import PosedState
from lab.swapbench.table import RESAMPLES
from sentinel.agent.action_format import prefill
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.distill.evaluation.paired import difference

# What each playbook's first code has and those after it in this list have not.
MARKS = {
    "arbitrage": "best_cycle(",
    "triangle": "best_loop(",
    "slice": "left = ",
    "reduce_risk": "fall = ",
    "momentum": "move = ",
    "mean_reversion": "off = ",
    "rebalance": "gap = ",
}
NAMES = [*MARKS]
WAYS = ("none", "right", "wrong")


def given(way: str, posed: PosedState) -> str:
    """The prefill of one way of asking."""
    mandate = posed.scenario.mandate
    if way == "none":
        return ""
    place = NAMES.index(mandate.playbook)
    named = mandate.playbook if way == "right" else NAMES[(place + 1 + sum(posed.id.encode()) % 6) % 7]
    return prefill(PLAYBOOKS[named].plan.format(base=mandate.base))


def playbook_of(turn: str) -> str:
    """Whose code the turn writes; empty for none that is known."""
    return next((name for name, mark in MARKS.items() if mark in turn), "")


def make(plan: cells.TablePlan, size: str) -> None:
    """Of the size's first seed; nothing where it is there, or another run is at it."""
    path = plan.results / f"thoughts-{size}.json"
    cell = next(one for one in plan.cells() if (one.size, one.kind) == (size, "ftp"))
    with contextlib.suppress(BlockingIOError), cells.held(plan.work / f"{cell.name}.lock"):
        if not path.exists():
            _make(plan, cell, path)


def _make(plan: cells.TablePlan, cell: cells.TableCell, path: Path) -> None:
    folder, asked = cells.student(plan, cell), cells.posed(plan, plan.part, plan.judged)
    told = uvloop.run(answer(folder, "ftp", dict.fromkeys(WAYS, ONE), asked, prefill=given))
    heard = {way: answers for way, (answers, _) in told.items()}
    grades = uvloop.run(cells.graded(plan, asked, heard, lambda _: None))
    wrote = {way: _wrote(asked, heard[way], way) for way in heard}
    result: dict[str, dict[str, Any]] = {
        way: {
            "success": round(mean(one.success for one in grades[way]), 4),
            "regret_bps": round(mean(one.regret_bps for one in grades[way]), 3),
            "tool_calls": round(mean(one.tool_calls for one in grades[way]), 3),
            **_shares(wrote[way]),
        }
        for way in heard
    }
    for way in ("right", "wrong"):
        pairs = [(float(a.success), float(b.success)) for a, b in zip(grades[way], grades["none"], strict=True)]
        result[way]["against_none"] = difference(pairs, resamples=RESAMPLES).as_json()
    for way in heard:
        result[way]["by_playbook"] = {
            name: {
                "states": len(places),
                "success": round(mean(grades[way][place].success for place in places), 4),
                **_shares([wrote[way][place] for place in places]),
            }
            for name in NAMES
            if (places := [k for k, one in enumerate(asked) if one.scenario.mandate.playbook == name])
        }
    body = {"size": cell.size, "seed": cell.seed, "states": posed_states.digest(asked), "ways": result}
    path.write_text(json.dumps(body, indent=1) + "\n")


def _wrote(asked: Sequence[PosedState], heard: Sequence[StudentAnswer], way: str) -> list[tuple[bool, bool]]:
    """For each state: is the first code that of the order, is it that of the given thought."""
    plans = {PLAYBOOKS[name].plan: name for name in NAMES}
    found = []
    for one, said in zip(asked, heard, strict=True):
        turns = [m["content"] for m in said.proposal.prompt if m["role"] == "assistant"]
        first = turns[0] if turns else (said.proposal.samples[0].text if said.proposal.samples else "")
        wrote, mandate = playbook_of(first), one.scenario.mandate
        told = given(way, one)
        named = next((name for plan, name in plans.items() if told == prefill(plan.format(base=mandate.base))), None)
        found.append((wrote == mandate.playbook, wrote == named))
    return found


def _shares(wrote: Sequence[tuple[bool, bool]]) -> Mapping[str, float]:
    ours, thoughts = zip(*wrote, strict=True)
    return {"code_of_the_order": round(mean(ours), 4), "code_of_the_thought": round(mean(thoughts), 4)}
