"""Promote a student to be the live one if shadow and held-out orders both speak for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sentinel.core.host.places import student_folder
from sentinel.distill.evaluation.labelled_orders import Did, LabelledOrder, read_orders
from sentinel.distill.evaluation.order_grades import Graded, Scores
from sentinel.distill.evaluation.paired import difference
from sentinel.distill.orders.row_file import rows_in
from sentinel.distill.orders.split import Split
from sentinel.distill.promotion import shadow_log
from sentinel.distill.promotion.served_judge import ServedJudge
from sentinel.distill.promotion.students import StudentStore, StudentVersion, identity
from sentinel.distill.working import WORK

MAX_FAILED = 0.05  # max share of failed blocks in shadow
JUDGED = {"reading": "student", "trading": "programs"}  # arms of the evaluation
HELD_OUT = (Split.SEEDS, Split.WORDINGS, Split.COMPOSITIONS)  # in equal parts


@dataclass(frozen=True, slots=True)
class PromotionCriteria:
    """How much evidence a promotion needs, and how often the student may trade wrongly."""

    orders: int = 600  # held-out orders
    shadow_blocks: int = 200  # decisions in shadow
    max_wrong_acts: float = 0.02  # of its trades on held-out orders, the share that no label allows


Grades = Mapping[str, Sequence[Graded]]


class PromotionJudge(Protocol):
    """Judges the student in a folder."""

    def grades(self, folder: Path, orders: Sequence[LabelledOrder]) -> Grades:
        """By arm, those of JUDGED, in the order of `orders`. Raises OperatorError, ModelUnavailable."""
        ...


def served_name(folder: Path) -> str:
    """The name under which a student must be served in shadow, so that its blocks can be told from others."""
    return f"sentinel-{identity(folder)}"


def promote(
    store: StudentStore,
    new: Path,
    shadow: Path,
    wanted: PromotionCriteria,
    *,
    shipped: Path | None = None,
    judge: PromotionJudge | None = None,
    work: Path = WORK,
) -> dict[str, Any]:
    """Judge `new`, a folder of an adapter or a model, against the live student; promote it if all evidence is for it.

    `shadow` is the shadow log. `shipped` is the student that is served before any promotion. `work` holds the orders
    that are drawn. The store's log records the outcome. Returns {"promoted": name or None, "reasons": […],
    "evidence": {…}}. Raises OperatorError, ModelUnavailable.
    """
    before, shipped = store.live, shipped or student_folder()
    live = before.student if before else shipped
    evidence: dict[str, Any] = {"new": identity(new), "live": identity(live)}
    reasons = ["it is the live student already"] if identity(new) == identity(live) else []
    evidence["shadow"] = shadow_log.summary([*shadow_log.read(shadow, served_name(new))])
    reasons += _of_shadow(evidence["shadow"], served_name(new), wanted)
    if reasons:
        reasons.append("held-out orders were not tried")
    else:
        seed = 1_000 + len(store.history())  # orders that no earlier try has used
        orders = held_out(wanted.orders, seed, work)
        judged = judge or ServedJudge()
        ours, theirs = (judged.grades(folder, orders) for folder in (new, live))
        evidence["orders"] = {"seed": seed, "orders": len(orders), **compared(ours, theirs)}
        reasons += _of_orders(evidence["orders"], wanted)
    with store.alone():  # only now, because judging takes long and an undo must not wait for it
        if store.live != before:
            reasons.append("another student has become the live one meanwhile")
        if reasons:
            store.refused(new, reasons, evidence)
            return {"promoted": None, "reasons": reasons, "evidence": evidence}
        if before is None:  # so that an undo has a student to go back to
            store.promote(shipped, {"shipped": True}, judged=evidence["live"])
        version = store.promote(new, evidence, judged=evidence["new"])
        return {"promoted": version.name, "reasons": [], "evidence": evidence}


def undo(store: StudentStore) -> StudentVersion:
    """Make the previous student live again. Raises OperatorError if there is none."""
    with store.alone():
        return store.undo()


def held_out(count: int, seed: int, work: Path) -> list[LabelledOrder]:
    """At least `count` generated orders of all held-out splits."""
    each = -(-count // len(HELD_OUT))
    return [order for split in HELD_OUT for order in read_orders(rows_in(work, split, each, seed))]


def compared(new: Grades, live: Grades) -> dict[str, Any]:
    """For reading and trading: the scores of both, and the mean difference of orders that are right."""
    return {part: _compared(new[arm], live[arm]) for part, arm in JUDGED.items()}


def _compared(new: Sequence[Graded], live: Sequence[Graded]) -> dict[str, Any]:
    pairs = [(float(ours.right), float(theirs.right)) for ours, theirs in zip(new, live, strict=True)]
    return {"right": difference(pairs).as_json(), "new": _figures(new), "live": _figures(live)}


def _figures(graded: Sequence[Graded]) -> dict[str, float | int]:
    return {**Scores.of(graded).as_json(), "traded_unclear": sum(map(_traded_unclear, graded))}


def _traded_unclear(graded: Graded) -> bool:
    """Whether it trades an order that is to be asked about or refused."""
    answers = {label.action for situation in graded.order.situations for label in situation.labels}
    return answers <= {Did.ASK, Did.REFUSE} and any(outcome.did.trades for outcome in graded.outcomes)


def _of_shadow(shadow: Mapping[str, Any], name: str, wanted: PromotionCriteria) -> list[str]:
    reasons = []
    if shadow["blocks"] < wanted.shadow_blocks:
        reasons.append(
            f"in shadow it decided on {shadow['blocks']} of {wanted.shadow_blocks} blocks: serve it as {name} and set "
            "SENTINEL_SHADOW__URL and SENTINEL_SHADOW__NAME"
        )
    if shadow["failed"] > MAX_FAILED * (shadow["blocks"] + shadow["failed"]):
        reasons.append(f"in shadow it failed on {shadow['failed']} blocks, more than {MAX_FAILED:.0%}")
    if shadow["blocks"] and shadow["difference"]["high"] < 0:
        reasons.append(
            f"in shadow it did what the order says in {shadow['right']} of {shadow['blocks']} blocks, "
            f"the live one in {shadow['live_right']}"
        )
    return reasons


def _of_orders(found: Mapping[str, Any], wanted: PromotionCriteria) -> list[str]:
    reasons = []
    parts = {part: found[part] for part in JUDGED}
    if all(of["right"]["low"] <= 0 for of in parts.values()):
        shown = "; ".join(f"{part} {_shown(of['right'])}" for part, of in parts.items())
        reasons.append(f"it is not surely better on held-out orders: {shown}")
    for part, of in parts.items():
        new, live = of["new"], of["live"]
        if of["right"]["high"] < 0:
            reasons.append(f"it is surely worse at {part}: {_shown(of['right'])}")
        if new["wrong_acts"] > wanted.max_wrong_acts:
            share = f"{new['wrong_acts']:.1%} of its trades"
            reasons.append(f"{part}: {share} are wrong, more than {wanted.max_wrong_acts:.1%}")
        if new["traded_unclear"] > live["traded_unclear"]:
            reasons.append(
                f"{part}: it trades {new['traded_unclear']} orders that are to be asked about or refused, "
                f"the live one {live['traded_unclear']}"
            )
    return reasons


def _shown(right: Mapping[str, float]) -> str:
    return f"{right['mean']:+.4f} of them right [{right['low']:+.4f}, {right['high']:+.4f}]"
