"""An order in the operator's own words: the student's readings of it, for the operator to approve one or none.

A running daemon reads the words by its own student. If none runs, this process asks the student of the settings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import typer

from sentinel.agent.proposing_server import reading_client
from sentinel.agent.reader import Reader
from sentinel.agent.reading_report import reading_report
from sentinel.cli import common
from sentinel.cli.order_reading import lines, read_back
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.core.errors import ModelUnavailable, NotRunning, OperatorError
from sentinel.daemon.operator.control import ask
from sentinel.daemon.operator.order_readings import bound
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.order import Order

NONE = ""  # in place of the number of a reading
ASK, REFUSE = "Ask: ", "Refuse: "  # how an answer begins that is no order
SLACK = 10.0  # seconds that the daemon's answer may take beyond its own bound


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """A reading that the operator approved, and the words that it was read from, on one line."""

    order: Order
    words: str


def approved_reading(
    settings: Settings, words: str, why: str, *, yes: bool, asks: bool, json: bool
) -> ReadOrder | None:
    """Show the readings of the words, and return the one that the operator approves by its number, if any.

    `why`: what makes the words no reading. `asks`: at a terminal. Raises OperatorError if there is nothing to approve,
    if `yes` is given, because agreement alone approves nothing, and if the words cannot be read.
    """
    report = _report(settings, words, f"this is no order: {why} (docs/orders.md, `sentinel order preset`)")
    quote = load_network(settings.network).quote
    facts = _facts(settings, report)
    if json:
        common.emit({**facts, "approved": False}, True, tuple)
    else:
        common.emit(facts, False, lambda: _lines(facts))
    orders = _orders(report, quote)
    if not orders:
        raise OperatorError(f"nothing is approved: {_question(str(report['answer']))}")
    if yes:
        raise OperatorError("--yes approves no words: give it one of these readings as the order")
    if not asks:
        return None
    number = typer.prompt("Approve which reading? Its number, or nothing", default=NONE, show_default=False)
    order = orders.get(str(number).strip())
    return None if order is None else ReadOrder(order, str(report["words"]))


def _report(settings: Settings, words: str, none: str) -> dict[str, Any]:
    """`none`: why a student is needed. Raises OperatorError."""
    try:
        timeout = bound(settings) + SLACK
        report: dict[str, Any] = ask(common.state_dir(settings), "read_order", timeout=timeout, words=words)["readings"]
    except NotRunning:
        return _own_report(settings, words, none)
    return report


def _own_report(settings: Settings, words: str, none: str) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        async with reading_client(settings) as student:
            readings = await Reader.of(student, settings.reading, load_network(settings.network)).read(words)
        return reading_report(readings)

    try:
        return asyncio.run(read())
    except ModelUnavailable as error:
        raise OperatorError(
            f"{none}; no student answers at {settings.proposer_url or settings.model.url} to read other words "
            f"({error}): start it with deploy/vllm/serve-student.sh"
        ) from error


def _orders(report: Mapping[str, Any], quote: str) -> dict[str, Order]:
    """What can be approved, by number."""
    if not report["can_approve"]:
        return {}
    shown = ((str(number), parse(group["reading"], quote)) for number, group in enumerate(report["groups"], 1))
    return {number: order for number, order in shown if isinstance(order, Order)}


def _question(answer: str) -> str:
    if answer.startswith(REFUSE):
        return f"the order is refused, {answer.removeprefix(REFUSE)}"
    if answer.startswith(ASK):
        return f"{answer.removeprefix(ASK)} Say it in other words"
    return "say it in other words"


# ------------------------------------------------------------ what is shown


def report_lines(settings: Settings, report: Mapping[str, Any]) -> list[str]:
    """What people are shown of readings (`reading_report`), without the words. It asks the chain for the gas price."""
    return [*_lines(_facts(settings, report))][1:]


def _facts(settings: Settings, report: Mapping[str, Any]) -> dict[str, Any]:
    quote = load_network(settings.network).quote
    return {**report, "groups": [_shown(settings, quote, group) for group in report["groups"]]}


def _shown(settings: Settings, quote: str, group: Mapping[str, Any]) -> dict[str, Any]:
    """The group with what its order would have done and costs, which needs no model."""
    order = parse(group["reading"], quote)
    return {**group, **(read_back(settings, order) if isinstance(order, Order) else {})}


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
    if facts["answer"].startswith((ASK, REFUSE)):
        yield f"answer    {facts['answer']}"
