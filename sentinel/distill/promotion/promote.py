"""Promote a student to be the live one if shadow, held-out states and hostile inputs all speak for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import uvloop

from sentinel.agent.vllm_server import served, student
from sentinel.distill import recipe
from sentinel.distill.evaluation.paired import compare
from sentinel.distill.evaluation.robustness import survive
from sentinel.distill.promotion import shadow_log
from sentinel.distill.promotion.students import StudentStore, StudentVersion, identity
from sentinel.distill.states import split

MIN_ATTACKS = 50
MAX_FAILED = 0.05  # max share of failed blocks in shadow


@dataclass(frozen=True, slots=True)
class PromotionCriteria:
    """How much evidence a promotion needs."""

    heldout: int = 700  # states
    shadow_blocks: int = 200  # decisions in shadow


class PromotionJudge(Protocol):
    """Judges the student in a folder."""

    def heldout(self, folder: Path, states: int, seed: int) -> dict[str, Any]:
        """The result of `evaluate`."""
        ...

    def hostile(self, folder: Path) -> dict[str, Any]:
        """The result of `survive`."""
        ...


class ServedJudge:
    """Judges students that real vLLM serves, one after another."""

    def heldout(self, folder: Path, states: int, seed: int) -> dict[str, Any]:
        return recipe.run_evaluate(folder, "heldout", states, seed=seed)

    def hostile(self, folder: Path) -> dict[str, Any]:
        async def run() -> dict[str, Any]:
            async with served(folder, log=recipe.WORK / "vllm.log") as server, student(server.url, seed=1) as sampler:
                task = bar.add_task("hostile inputs", total=None)
                return await survive(sampler, split.load("heldout"), progress=lambda k: bar.update(task, completed=k))

        recipe.WORK.mkdir(parents=True, exist_ok=True)
        with recipe.progress_bar() as bar:
            return uvloop.run(run())


def served_name(folder: Path) -> str:
    """The name under which a student must be served in shadow, so that its blocks can be told from others."""
    return f"sentinel-{identity(folder)}"


def promote(
    store: StudentStore,
    new: Path,
    shadow: Path,
    wanted: PromotionCriteria,
    *,
    shipped: Path = recipe.NANO,
    judge: PromotionJudge | None = None,
) -> dict[str, Any]:
    """Judge `new` against the live student and promote it if all evidence is for it.

    `shadow` is the shadow log. `shipped` is the student that is served before any promotion. The store's log records
    the outcome. Returns {"promoted": name or None, "reasons": […], "evidence": {…}}. Raises OperatorError.
    """
    judge = judge or ServedJudge()
    before = store.live
    live = before.student if before else shipped
    evidence: dict[str, Any] = {"new": identity(new), "live": identity(live)}
    reasons = ["it is the live student already"] if identity(new) == identity(live) else []
    evidence["shadow"] = shadow_log.summary([*shadow_log.read(shadow, served_name(new))])
    reasons += _of_shadow(evidence["shadow"], served_name(new), wanted)
    if reasons:
        reasons.append("held-out states and hostile inputs were not tried")
    else:
        seed = 1_000 + len(store.history())  # states that no earlier try has used
        ours, theirs = (judge.heldout(folder, wanted.heldout, seed) for folder in (new, live))
        paired = compare(ours["judged"], theirs["judged"])
        evidence["heldout"] = {"seed": seed, **paired.as_json(), "new": ours["success"], "live": theirs["success"]}
        evidence["hostile"] = judge.hostile(new)
        reasons += _of_heldout(evidence["heldout"], wanted) + _of_hostile(evidence["hostile"])
    with store.alone():  # only now, because judging takes long and an undo must not wait for it
        if store.live != before:
            reasons.append("another student has become the live one meanwhile")
        if reasons:
            store.refused(new, reasons, evidence)
            return {"promoted": None, "reasons": reasons, "evidence": evidence}
        if before is None:
            store.promote(
                shipped, {"shipped": True}, judged=evidence["live"]
            )  # so that an undo has a student to go back to
        version = store.promote(new, evidence, judged=evidence["new"])
        return {"promoted": version.name, "reasons": [], "evidence": evidence}


def undo(store: StudentStore) -> StudentVersion:
    """Make the previous student live again. Raises OperatorError if there is none."""
    with store.alone():
        return store.undo()


def _of_shadow(shadow: dict[str, Any], name: str, wanted: PromotionCriteria) -> list[str]:
    reasons = []
    if shadow["blocks"] < wanted.shadow_blocks:
        reasons.append(
            f"in shadow it decided on {shadow['blocks']} of {wanted.shadow_blocks} blocks: serve it as {name} and set "
            "SENTINEL_SHADOW__URL and SENTINEL_SHADOW__NAME"
        )
    if shadow["failed"] > MAX_FAILED * (shadow["blocks"] + shadow["failed"]):
        reasons.append(f"in shadow it failed on {shadow['failed']} blocks, more than {MAX_FAILED:.0%}")
    if shadow["blocks"] and shadow["value"]["high"] < 0:
        reasons.append(
            f"in shadow its decisions are worth {-shadow['value']['mean']:.4g} less a block than the live ones"
        )
    return reasons


def _of_heldout(heldout: dict[str, Any], wanted: PromotionCriteria) -> list[str]:
    reasons = []
    success, regret = heldout["success"], heldout["regret_bps"]
    if success["pairs"] < wanted.heldout or heldout["unpaired"]:
        reasons.append(f"{success['pairs']} of {wanted.heldout} held-out states were judged for both")
    if not heldout["better"]:
        reasons.append(
            f"it is not surely better on held-out states: success {success['mean']:+.4f} "
            f"[{success['low']:+.4f}, {success['high']:+.4f}], regret {regret['mean']:+.3f} bps "
            f"[{regret['low']:+.3f}, {regret['high']:+.3f}]"
        )
    return reasons


def _of_hostile(hostile: dict[str, Any]) -> list[str]:
    reasons = [f"hostile input {name}: {reason}" for name, reason in hostile["failures"].items()]
    if hostile["attacks"] < MIN_ATTACKS:
        reasons.append(f"{hostile['attacks']} hostile inputs of {MIN_ATTACKS} were tried")
    return reasons
