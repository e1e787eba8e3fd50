"""What was read from an order in words, in JSON types: the groups with their votes, defaults and differences.

The daemon answers with it over the control socket, and the command line shows it.
"""

from __future__ import annotations

from typing import Any

from sentinel.agent.reader import Readings
from sentinel.orders.battery.groups import Group, differences
from sentinel.orders.language.reading import Refuse, render
from sentinel.orders.playing.envelope import order_hash
from sentinel.orders.typed.order import Order

SHOWN = 5  # groups; of the others only the number


def reading_report(readings: Readings) -> dict[str, Any]:
    """`can_approve` is false if enough readings agree on a question or a refusal. A group's `hash` is absent if the
    group is no order."""
    first = next((group.reading for group in readings.groups if isinstance(group.reading, Order)), None)
    shown = readings.groups[:SHOWN]
    return {
        "words": readings.words,
        "asked": readings.asked,
        "min_agreement": readings.min_agreement,
        "answer": render(readings.answer),
        "can_approve": not (isinstance(readings.answer, Refuse) or readings.agreed_question),
        "groups": [_group(readings, group, first) for group in shown],
        "more_groups": len(readings.groups) - len(shown),
        "dropped": dict(readings.dropped),
    }


def _group(readings: Readings, group: Group, first: Order | None) -> dict[str, Any]:
    facts = {
        "votes": group.votes,
        "share": round(group.votes / readings.asked, 4),
        "reading": render(group.reading),
    }
    if not isinstance(group.reading, Order):
        return facts
    order = group.reading
    return {
        **facts,
        "hash": order_hash(order),
        "defaults": list(readings.defaults.get(order, ())),
        "differences": [] if first is None or order is first else list(differences(first, order)),
    }
