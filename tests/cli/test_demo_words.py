"""The demo's order in words: who approves a reading of it, and when nothing is approved."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from typer.testing import CliRunner

from sentinel.__main__ import app
from sentinel.agent.reader import Readings
from sentinel.agent.reading_report import reading_report
from sentinel.cli import order_option
from sentinel.cli.order_words import report_lines
from sentinel.config.network_file import load_network
from sentinel.config.settings import load
from sentinel.orders.battery.groups import Group
from sentinel.orders.grounding.grounding import ground
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.reading import Ask, Reading, Refuse, render
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.order import Order
from sentinel.paper import demo_order
from sentinel.paper.demo_order import READING, WORDS, NotApproved, SpokenOrder, approve

NETWORK = load_network("devnet")
OWN = "put 400 dollars into ether each time it is under 1500"


def under(op: str) -> Order:
    order = parse(f"If the price of WETH is {op} 1,500 USDC, buy 400 USDC worth of WETH, once.", NETWORK.quote)
    assert isinstance(order, Order)
    return order


FIRST, SECOND = under("below"), under("at most")
ASKS, REFUSES = Ask(Question.MEANING), Refuse(Refusal.LEVERAGE)


def report(*votes: tuple[Reading, int], asked: int = 16) -> dict[str, Any]:
    """Of readings with these votes; the rest was dropped."""
    groups = tuple(Group(reading, count, count / asked) for reading, count in votes)
    return reading_report(Readings(OWN, asked, groups, {}, {}, 0.5))


@dataclass
class Desk:
    """The daemon's operations: each order that is read gives the next report."""

    reports: Sequence[dict[str, Any]]
    read: list[str] = field(default_factory=list)
    approved: list[tuple[str, str]] = field(default_factory=list)

    async def read_order(self, words: str) -> dict[str, Any]:
        self.read.append(words)
        return self.reports[len(self.read) - 1] | {"words": words}

    def approve_order(self, reading: str, digest: str, words: str, accept_judgement: bool) -> None:
        self.approved.append((reading, words))
        assert accept_judgement == ("judged" in reading)


@dataclass
class Terminal:
    """Types these answers, one at a time."""

    answers: list[str | None]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, prompt: str) -> str | None:
        self.asked.append(prompt)
        return self.answers.pop(0)


async def run(desk: Desk, spoken: SpokenOrder, terminal: Terminal | None = None) -> tuple[str, list[str]]:
    """The reading that is approved, and the lines that were shown."""
    said: list[str] = []
    lines = lambda found: [f"{group['votes']} votes" for group in found["groups"]]  # noqa: E731
    return await approve(desk, spoken, said.append, lines, terminal), said


def test_the_demos_reading_is_what_its_words_say() -> None:
    """A demo without a model trades the same order."""
    order = parse(READING, NETWORK.quote)
    assert isinstance(order, Order)
    assert render(order) == READING
    assert not ground(WORDS, order, round(NETWORK.block_time), tuple(NETWORK.tokens)).complaints


@pytest.mark.parametrize("terminal", [None, Terminal([])])
async def test_the_demo_approves_the_first_reading_of_its_own_order_and_says_why(terminal: Terminal | None) -> None:
    """Nobody is asked, although half a vote stands against it: the money is play money."""
    desk = Desk([report((FIRST, 7), (SECOND, 6))])
    reading, said = await run(desk, SpokenOrder(), terminal)
    assert desk.approved == [(render(FIRST), WORDS)]
    assert reading == render(FIRST)
    assert said[1:3] == ["7 votes", "6 votes"]
    assert "play money" in said[-1]


@pytest.mark.parametrize("answer", [report((ASKS, 12), (FIRST, 4)), report((REFUSES, 16)), report()])
async def test_the_demo_trades_nothing_where_the_student_asks_or_refuses(answer: dict[str, Any]) -> None:
    desk = Desk([answer])
    with pytest.raises(NotApproved, match="nothing is approved: "):
        await run(desk, SpokenOrder())
    assert desk.approved == []


@pytest.mark.parametrize(
    ("typed", "reading"), [("\n", FIRST), ("2\n", SECOND), (" 1 \n", FIRST)], ids=["enter", "number", "spaces"]
)
async def test_ones_own_words_are_approved_on_the_terminal(typed: str, reading: Reading) -> None:
    """Enter is the first; a number that is not there is asked for again."""
    desk, terminal = Desk([report((FIRST, 9), (SECOND, 5))]), Terminal(["7\n", typed])
    assert (await run(desk, SpokenOrder(OWN, own=True), terminal))[0] == render(reading)
    assert desk.approved == [(render(reading), OWN)]
    assert [prompt.partition("?")[0] for prompt in terminal.asked] == ["Approve which reading"] * 2


@pytest.mark.parametrize("none", ["n\n", None])
async def test_whoever_approves_none_may_say_it_again(none: str | None) -> None:
    """A question of the student offers the same; Enter ends it."""
    desk = Desk([report((FIRST, 9)), report((ASKS, 16)), report((SECOND, 10))])
    terminal = Terminal([none, "under 1500 please\n", "at most 1500\n", "\n"])
    assert (await run(desk, SpokenOrder(OWN, own=True), terminal))[0] == render(SECOND)
    assert desk.read == [OWN, "under 1500 please\n", "at most 1500\n"]
    assert "Say it in other words" in terminal.asked[1]
    assert terminal.asked[2].startswith(ASKS.what.rstrip("?"))
    for end in ("\n", None):
        with pytest.raises(NotApproved):
            await run(Desk([report((REFUSES, 16))]), SpokenOrder(OWN, own=True), Terminal([end]))


async def test_without_a_terminal_enough_readings_must_agree() -> None:
    desk = Desk([report((FIRST, 8), (SECOND, 7))])
    assert (await run(desk, SpokenOrder(OWN, own=True)))[0] == render(FIRST)
    for short in (report((FIRST, 7), (SECOND, 6)), report((ASKS, 9), (FIRST, 7)), report((FIRST, 8), (SECOND, 8))):
        desk = Desk([short])
        with pytest.raises(NotApproved, match="without a terminal"):
            await run(desk, SpokenOrder(OWN, own=True))
        assert desk.approved == []


async def test_what_the_student_alone_would_judge_is_accepted_by_hand() -> None:
    """By a yes of its own; without a terminal such an order is not approved."""
    judged = parse('If it is judged that "it looks shaky", sell all of WETH.', NETWORK.quote)
    assert isinstance(judged, Order)
    own, desk = SpokenOrder(OWN, own=True), Desk([report((judged, 16))])
    terminal = Terminal(["\n", "y\n"])
    assert (await run(desk, own, terminal))[0] == render(judged)
    assert '"it looks shaky"' in terminal.asked[1]
    for ask in (Terminal(["1\n", "\n", "\n"]), None):
        desk = Desk([report((judged, 16))])
        with pytest.raises(NotApproved):
            await run(desk, own, ask)
        assert desk.approved == []


async def test_a_line_is_typed_while_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a wait for it can be cancelled, as Ctrl-C does."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        waiting = asyncio.create_task(demo_order.typed("which? "))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        os.write(ours, b"2\n")
        assert await asyncio.wait_for(waiting, 5) == "2\n"
        waiting = asyncio.create_task(demo_order.typed("which? "))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    os.close(ours)


def test_the_readings_are_shown_with_votes_bounds_and_costs() -> None:
    """As `sentinel order set` shows them; without a node the costs are said not to be known."""
    lines = report_lines(load(None, rpc={"url": "http://127.0.0.1:9"}), report((FIRST, 9), (SECOND, 5)))
    assert "reading 1 9 of 16 mean this" in lines
    assert any(line.startswith("trades    USDC->WETH") for line in lines)
    assert any(line.startswith("cost      not known") for line in lines)
    assert any(line.startswith("differs   the first: ") for line in lines)


@pytest.mark.parametrize(
    ("text", "reading"),
    [(READING, True), ("Ask: what does that mean in numbers?", True), (OWN, False), ("", False)],
)
def test_what_is_no_reading_are_words(text: str, reading: bool) -> None:
    assert order_option.is_reading(text, "devnet") is reading


def test_words_are_read_by_the_student_alone() -> None:
    """Another proposer was not taught to read; the demo says so before it starts anything."""
    result = CliRunner().invoke(app, ["demo", "--order", OWN, "--proposer", "oracle"])
    assert result.exit_code == 2
    assert "only the student reads words" in result.output.replace("\n", " ")
