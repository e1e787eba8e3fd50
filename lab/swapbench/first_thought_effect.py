"""Effect of a first thought that is given at inference: the right plan, another playbook's plan, or none.

The student was trained only with right plans. Its code shows whether it follows a wrong plan or the mandate.
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

# Text that a playbook's first code contains and that the playbooks after it in this list do not.
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
    """The prefill for one way of asking in one state; empty for none."""
    mandate = posed.scenario.mandate
    if way == "none":
        return ""
    index = NAMES.index(mandate.playbook)
    playbook = mandate.playbook if way == "right" else NAMES[(index + 1 + sum(posed.id.encode()) % 6) % 7]
    return prefill(PLAYBOOKS[playbook].plan.format(base=mandate.base))


def playbook_of(turn: str) -> str:
    """The playbook whose code the turn contains; empty if it is none of them."""
    return next((name for name, mark in MARKS.items() if mark in turn), "")


def make(plan: cells.TablePlan, size: str) -> None:
    """Run the experiment on the size's first seed, unless its file exists or another run is making it."""
    path = plan.results / f"thoughts-{size}.json"
    cell = next(one for one in plan.cells() if (one.size, one.kind) == (size, "ftp"))
    with contextlib.suppress(BlockingIOError), cells.held(plan.work / f"{cell.name}.lock"):
        if not path.exists():
            _make(plan, cell, path)


def _make(plan: cells.TablePlan, cell: cells.TableCell, path: Path) -> None:
    folder, states = cells.student(plan, cell), cells.posed(plan, plan.part, plan.judged)
    answered = uvloop.run(answer(folder, "ftp", dict.fromkeys(WAYS, ONE), states, prefill=given))
    heard = {way: answers for way, (answers, _) in answered.items()}
    grades = uvloop.run(cells.graded(plan, states, heard, lambda _: None))
    wrote = {way: _wrote(states, heard[way], way) for way in heard}
    result: dict[str, dict[str, Any]] = {
        way: {
            "success": round(mean(item.success for item in grades[way]), 4),
            "regret_bps": round(mean(item.regret_bps for item in grades[way]), 3),
            "tool_calls": round(mean(item.tool_calls for item in grades[way]), 3),
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
                "success": round(mean(grades[way][index].success for index in places), 4),
                **_shares([wrote[way][index] for index in places]),
            }
            for name in NAMES
            if (places := [k for k, item in enumerate(states) if item.scenario.mandate.playbook == name])
        }
    body = {"size": cell.size, "seed": cell.seed, "states": posed_states.digest(states), "ways": result}
    path.write_text(json.dumps(body, indent=1) + "\n")


def _wrote(asked: Sequence[PosedState], heard: Sequence[StudentAnswer], way: str) -> list[tuple[bool, bool]]:
    """For each state: does the first code fit the mandate, and does it fit the given thought?"""
    plans = {PLAYBOOKS[name].plan: name for name in NAMES}
    matches = []
    for state, answer_given in zip(asked, heard, strict=True):
        turns = [m["content"] for m in answer_given.proposal.prompt if m["role"] == "assistant"]
        first = turns[0] if turns else (answer_given.proposal.samples[0].text if answer_given.proposal.samples else "")
        wrote, mandate = playbook_of(first), state.scenario.mandate
        prefill_given = given(way, state)
        plan_name = next(
            (name for plan, name in plans.items() if prefill_given == prefill(plan.format(base=mandate.base))), None
        )
        matches.append((wrote == mandate.playbook, wrote == plan_name))
    return matches


def _shares(wrote: Sequence[tuple[bool, bool]]) -> Mapping[str, float]:
    ours, thoughts = zip(*wrote, strict=True)
    return {"code_of_the_order": round(mean(ours), 4), "code_of_the_thought": round(mean(thoughts), 4)}
