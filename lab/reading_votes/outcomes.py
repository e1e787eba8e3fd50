"""What came of the readings of one order, and what the readings of many say about agreement. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.agent.reading_report import SHOWN
from sentinel.core.statistics import Share
from sentinel.orders.battery.groups import Group, groups
from sentinel.orders.language.reading import Reading
from sentinel.orders.typed.order import Order

MOST_WRONG = 0.02  # of the readings that are shown first without a question


@dataclass(frozen=True, slots=True)
class Outcome:
    """The readings of one order. `votes`: of its groups, the largest first; `right`: the place of the true one."""

    order: str  # id
    split: str
    samples: int
    votes: tuple[int, ...]
    right: int | None
    chosen: int | None = None  # the place of the group that the round trip chooses

    @property
    def agreement(self) -> float:
        """Of the largest group, in all samples that were drawn; 0 for a tie, which asks."""
        tied = not self.votes or (len(self.votes) > 1 and self.votes[0] == self.votes[1])
        return 0.0 if tied else self.votes[0] / self.samples


def same(reading: Reading, truth: Reading) -> bool:
    """Whether both would do the same. Any question is a question, and any refusal a refusal."""
    if isinstance(reading, Order) and isinstance(truth, Order):
        return len(groups([reading, truth])) == 1
    return type(reading) is type(truth)


def place_of(truth: Reading, found: Sequence[Group]) -> int | None:
    """The place of the true reading among the groups that an operator looks at."""
    return next((place for place, group in enumerate(found[:SHOWN]) if same(group.reading, truth)), None)


@dataclass(frozen=True, slots=True)
class Point:
    """With this least agreement so many orders are shown without a question, and so many of them wrongly."""

    agreement: float
    shown: Share  # of all orders
    wrong: Share  # of those shown


def points(outcomes: Sequence[Outcome]) -> list[Point]:
    """One for each agreement that occurs, the smallest first."""
    found = []
    for least in sorted({outcome.agreement for outcome in outcomes if outcome.agreement > 0}):
        shown = [outcome for outcome in outcomes if outcome.agreement >= least]
        wrong = Share(sum(outcome.right != 0 for outcome in shown), len(shown))
        found.append(Point(least, Share(len(shown), len(outcomes)), wrong))
    return found


def least_agreement(outcomes: Sequence[Outcome]) -> Point | None:
    """The smallest agreement from which on at most `MOST_WRONG` of what is shown is wrong; None if there is none."""
    kept: Point | None = None
    for point in reversed(points(outcomes)):
        if point.wrong.value > MOST_WRONG:
            break
        kept = point
    return kept


def separation(outcomes: Sequence[Outcome]) -> float | None:
    """AUROC of agreement: how likely a right reading has more of it than a wrong one. None without both."""
    right = [outcome.agreement for outcome in outcomes if outcome.right == 0]
    wrong = [outcome.agreement for outcome in outcomes if outcome.right != 0]
    if not right or not wrong:
        return None
    won = sum((one > other) + 0.5 * (one == other) for one in right for other in wrong)
    return won / (len(right) * len(wrong))


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """As JSON."""
    total = len(outcomes)
    point = least_agreement(outcomes)
    judged = [outcome for outcome in outcomes if outcome.chosen is not None]
    found = separation(outcomes)
    return {
        "orders": total,
        "right_first": Share(sum(outcome.right == 0 for outcome in outcomes), total).as_json(),
        "right_among_five": Share(sum(outcome.right is not None for outcome in outcomes), total).as_json(),
        "right_by_round_trip": Share(sum(one.right == one.chosen for one in judged), total).as_json()
        if judged
        else None,
        "groups_per_order": round(sum(len(outcome.votes) for outcome in outcomes) / max(total, 1), 2),
        "grounded": round(sum(sum(o.votes) for o in outcomes) / max(sum(o.samples for o in outcomes), 1), 4),
        "auroc": None if found is None else round(found, 4),
        "least_agreement": None
        if point is None
        else {
            "agreement": round(point.agreement, 4),
            "shown": point.shown.as_json(),
            "wrong": point.wrong.as_json(),
        },
    }
