"""An order in the operator's own words: the student's readings of it, for the operator to approve one or none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from sentinel.agent.proposing_server import reading_client
from sentinel.agent.reader import Reader, Readings, block_seconds
from sentinel.cli import common
from sentinel.cli.order_reading import lines, read_back
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.core.errors import OperatorError
from sentinel.orders.groups import Group, differences
from sentinel.orders.order import Order
from sentinel.orders.reading import Ask, Refuse, render

SHOWN = 5  # groups; of the others only the number
NONE = ""  # in place of the number of a reading


def approved_reading(settings: Settings, words: str, *, yes: bool, asks: bool, json: bool) -> Order | None:
    """Show the readings of the words, and return the one that the operator approves by its number, if any.

    `asks`: at a terminal. Raises OperatorError if there is nothing to approve, if `yes` is given, because agreement
    alone approves nothing, and if the words cannot be read; ModelUnavailable if no student answers.
    """
    readings = asyncio.run(_read(settings, words))
    facts = _facts(settings, readings)
    if json:
        common.emit({**facts, "approved": False}, True, tuple)
    else:
        common.emit(facts, False, lambda: _lines(facts))
    orders = _orders(readings)
    if not orders:
        raise OperatorError(f"nothing is approved: {_question(readings)}")
    if yes:
        raise OperatorError("--yes approves no words: give it one of these readings as the order")
    if not asks:
        return None
    number = typer.prompt("Approve which reading? Its number, or nothing", default=NONE, show_default=False)
    return orders.get(str(number).strip())


async def _read(settings: Settings, words: str) -> Readings:
    network = load_network(settings.network)
    async with reading_client(settings) as model:
        reader = Reader(
            model,
            network.quote,
            tuple(network.tokens),
            settings.reading.samples,
            settings.reading.min_agreement,
            block_seconds(network),
        )
        return await reader.read(words)


def _orders(readings: Readings) -> dict[str, Order]:
    """What can be approved, by number: nothing if enough readings agree on a question or a refusal."""
    if isinstance(readings.answer, Refuse) or readings.agreed_question:
        return {}
    shown = enumerate(readings.groups[:SHOWN], 1)
    return {str(number): group.reading for number, group in shown if isinstance(group.reading, Order)}


def _question(readings: Readings) -> str:
    match readings.answer:
        case Refuse(why):
            return f"the order is refused, {why}"
        case Ask(what):
            return f"{what} Say it in other words"
        case _:
            return "say it in other words"


# ------------------------------------------------------------ what is shown


def _facts(settings: Settings, readings: Readings) -> dict[str, Any]:
    """In JSON types."""
    first = next((group.reading for group in readings.groups if isinstance(group.reading, Order)), None)
    shown = readings.groups[:SHOWN]
    return {
        "words": readings.words,
        "asked": readings.asked,
        "min_agreement": readings.min_agreement,
        "answer": render(readings.answer),
        "groups": [_group(settings, readings, group, first) for group in shown],
        "more_groups": len(readings.groups) - len(shown),
        "dropped": dict(readings.dropped),
    }


def _group(settings: Settings, readings: Readings, group: Group, first: Order | None) -> dict[str, Any]:
    votes = {"votes": group.votes, "share": round(group.votes / readings.asked, 4)}
    if not isinstance(group.reading, Order):
        return {**votes, "reading": render(group.reading)}
    order, other = group.reading, first is not None and group.reading is not first
    return {
        **votes,
        **read_back(settings, order),
        "defaults": list(readings.defaults.get(order, ())),
        "differences": list(differences(first, order)) if other and first is not None else [],
    }


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"words     {facts['words']}"
    for number, group in enumerate(facts["groups"], 1):
        yield ""
        yield f"reading {number} {group['votes']} of {facts['asked']} mean this"
        if "hash" not in group:
            yield f"          {group['reading']}"
            continue
        yield from (line for line in lines(group) if line)
        yield from (f"default   {sentence}" for sentence in group["defaults"])
        yield from (f"differs   {sentence}" for sentence in group["differences"])
    yield ""
    if facts["more_groups"]:
        yield f"and {facts['more_groups']} more, with fewer votes each"
    yield from (f"dropped   {count} of {facts['asked']}: {why}" for why, count in facts["dropped"].items())
    if facts["answer"].startswith(("Ask: ", "Refuse: ")):
        yield f"answer    {facts['answer']}"
