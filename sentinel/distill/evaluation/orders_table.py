"""The grades of readers of orders as tables for people, with the goals beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from sentinel.distill.evaluation.order_grades import Graded, Scores

WRONG_ACTS = 0.02  # goal: at most
PEOPLE = "people's orders"
GOALS = {  # share of whole orders, by split and arm
    "seeds": {"student": 0.97},
    "wordings": {"student": 0.90},
    "compositions": {"student": 0.80},
    PEOPLE: {"student": 0.60, "student_approved": 0.90},
}
_TITLE = "orders right in all their situations"


def tables(grades: Mapping[str, Sequence[Graded]]) -> Group:
    """The scores of each arm, its share by split with the goal, and by kind."""
    by_split = _shares("by split", grades, lambda one: (one.order.split or PEOPLE,), _goal)
    by_kind = _shares("by kind", grades, lambda one: one.order.kinds or ("?",), lambda arm, name: "")
    note = "student_approved uses the labels: a simulated operator approves the first right one of five groups."
    shown = [_scores(grades), by_split, by_kind]
    return Group(*shown, note) if "student_approved" in grades else Group(*shown)


def _scores(grades: Mapping[str, Sequence[Graded]]) -> Table:
    headings = ("right", "low", "high", "situations", "acts", "wrong acts", "missed", "asked", "refused", "coverage")
    table = _table(f"{_TITLE}, with its 95 % interval; further shares", "arm", *headings)
    for arm, of in grades.items():
        scores = Scores.of(of)
        right, rest = scores.orders_right, (scores.missed, scores.asked, scores.refused, scores.coverage)
        before = (right.value, right.low, right.high, scores.situations_right)
        table.add_row(arm, *map(_percent, before), str(scores.acts), *map(_percent, (scores.wrong_acts, *rest)))
    table.caption = f"goal of the student: wrong acts at most {_percent(WRONG_ACTS)}"
    return table


def _table(title: str, name: str, *headings: str) -> Table:
    """All shares in percent."""
    table = Table(name, title=f"{title} (%)", box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _shares(
    title: str,
    grades: Mapping[str, Sequence[Graded]],
    names: Callable[[Graded], Sequence[str]],
    goal: Callable[[str, str], str],
) -> Table:
    """The share of whole orders by name; an order may have several names."""
    table = _table(f"{_TITLE}, {title}", "", "orders", *grades)
    first = next(iter(grades.values()))
    for name in dict.fromkeys(name for one in first for name in names(one)):
        chosen = {arm: [one.right for one in of if name in names(one)] for arm, of in grades.items()}
        cells = [f"{_percent(sum(right) / len(right))}{goal(arm, name)}" for arm, right in chosen.items()]
        table.add_row(name, str(len(next(iter(chosen.values())))), *cells)
    return table


def _goal(arm: str, split: str) -> str:
    goal = GOALS.get(split, {}).get(arm)
    return "" if goal is None else f" (goal {_percent(goal)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
