"""Orders of our own with their readings: `develop` made the rule-based reader, `apart` only measures it.

`apart` was written before the reader and must never be used to change it. In `develop` a bare "Ask" or "Refuse" leaves
open what is asked, and why it is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from sentinel.orders.language.reading import Ask, Reading, Refuse, render
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.actions import Exchange, Sell, Share
from sentinel.orders.typed.conditions import All, Condition, Either
from sentinel.orders.typed.order import Clause, Order

FOLDER = Path(__file__).with_name("own")
QUOTE = "USDC"


@dataclass(frozen=True, slots=True)
class OwnOrder:
    id: str
    text: str
    reading: str


def own_orders(name: str) -> list[OwnOrder]:
    return [OwnOrder(**json.loads(line)) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


def means(reading: Reading, wanted: str) -> bool:
    """Whether a reading is the one that is wanted, whatever the order of clauses that do not depend on each other."""
    if wanted in ("Ask", "Refuse"):
        return isinstance(reading, Ask if wanted == "Ask" else Refuse)
    expected = parse(wanted, QUOTE)
    if isinstance(reading, Order) and isinstance(expected, Order):
        return _plain(reading) == _plain(expected)
    return render(reading) == wanted


def _plain(order: Order) -> Order:
    """An order in a form that others of the same effect share: all of a coin is sold once or again, as is the same."""
    return replace(order, clauses=tuple(sorted(map(_plain_clause, order.clauses), key=repr)))


def _plain_clause(clause: Clause) -> Clause:
    everything = isinstance(clause.action, Sell | Exchange) and clause.action.amount == Share(Decimal(1))
    times = None if everything and clause.times == 1 else clause.times
    return replace(clause, times=times, when=None if clause.when is None else _plain_condition(clause.when))


def _plain_condition(condition: Condition) -> Condition:
    match condition:
        case All(of) | Either(of):
            return replace(condition, of=tuple(sorted(map(_plain_condition, of), key=repr)))
    return condition
