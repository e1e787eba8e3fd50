"""The demo's order in words: read by the student on the running daemon, shown, and approved by whoever watches it.

The demo approves the first reading of its own order by itself, because the money is play money. Words that were given
to it are approved on the terminal. Without a terminal they are approved only if enough readings agree.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sentinel.core.errors import OperatorError
from sentinel.orders.typed.judgements import phrases_in

WORDS = "Every 10 seconds put 800 USDC into ETH, only while gas is under 35 gwei. Always keep 2,000 USDC."
READING = (  # what the words mean, for a demo without a model
    "Buy 800 USDC worth of WETH, every 10 seconds. Only while the gas price is below 35 gwei. Keep 2,000 USDC."
)

PLAY_MONEY = "the demo approves its own order, because the money is play money. `sentinel order set` asks you"
AGREED = "enough readings agree, and there is no terminal to ask on"

Report = Mapping[str, Any]  # `agent/reading_report.py`
Show = Callable[[Report], Iterable[str]]  # the lines that people are shown of it
Ask = Callable[[str], Awaitable[str | None]]  # a line that was typed; None at its end


class NotApproved(OperatorError):
    """Nothing is approved, so the demo ends before its first block."""


class OrderDesk(Protocol):
    """The operations of the daemon that the demo uses."""

    async def read_order(self, words: str) -> dict[str, Any]: ...

    def approve_order(self, reading: str, digest: str, words: str, accept_judgement: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class SpokenOrder:
    words: str = WORDS
    own: bool = False  # given by whoever runs the demo


async def approve(desk: OrderDesk, spoken: SpokenOrder, say: Callable[[str], None], show: Show, ask: Ask | None) -> str:
    """The reading of the words that is approved. `ask`: None without a terminal.

    Raises NotApproved, and OperatorError if the words cannot be read.
    """
    words = spoken.words
    group: Report | None
    while True:
        say(f"the student reads: {words}")
        report = await desk.read_order(words)
        for line in await asyncio.to_thread(lambda found: [*show(found)], report):
            say(line)
        if spoken.own and ask is not None:
            group, why = await _asked(report, ask), ""
        else:
            group, why = (_agreed(report), AGREED) if spoken.own else (_first(report), PLAY_MONEY)
        if group is not None and await _accepted(phrases := phrases_in(group["reading"]), ask):
            if why:
                say(f"approved  reading 1: {why}")
            desk.approve_order(group["reading"], group["hash"], report["words"], bool(phrases))
            return str(group["reading"])
        assert ask is not None
        words = (await ask(f"{question(report)}. Say it in other words, or press Enter to end: ")) or ""
        if not words.strip():
            raise NotApproved(f"nothing is approved: {question(report)}")


def question(report: Report) -> str:
    """What the student asks, or why it refuses."""
    answer = str(report["answer"])
    if answer.startswith("Refuse: "):
        return f"the order is refused, {answer.removeprefix('Refuse: ')}"
    return answer.removeprefix("Ask: ").rstrip("?. ") if answer.startswith("Ask: ") else "no reading was chosen"


def _orders(report: Report) -> dict[int, Report]:
    """What can be approved, by number."""
    groups: list[Report] = report["groups"] if report["can_approve"] else []
    return {number: group for number, group in enumerate(groups, 1) if "hash" in group}


def _first(report: Report) -> Report:
    """The largest group. Raises NotApproved if it is no order."""
    if (group := _orders(report).get(1)) is None:
        raise NotApproved(f"nothing is approved: {question(report)}")
    return group


def _agreed(report: Report) -> Report:
    """The largest group, if it reaches the minimum. Raises NotApproved."""
    group = _orders(report).get(1)
    if group is None or group["reading"] != report["answer"]:
        raise NotApproved(f"nothing is approved without a terminal to ask on: {question(report)}")
    return group


async def _asked(report: Report, ask: Ask) -> Report | None:
    """The group that is chosen on the terminal, if any."""
    orders = _orders(report)
    while orders:
        first = min(orders)
        answer = await ask(f"Approve which reading? Its number, Enter for reading {first}, n for none: ")
        if answer is None or answer.strip().lower() in ("n", "no", "none"):
            return None
        chosen = answer.strip() or str(first)
        if chosen.isdecimal() and int(chosen) in orders:
            return orders[int(chosen)]
    return None


async def _accepted(judged: Sequence[str], ask: Ask | None) -> bool:
    """Whether whoever runs the demo accepts what the student alone would judge. Raises NotApproved if nobody can."""
    if not judged:
        return True
    phrases = " and ".join(f'"{phrase}"' for phrase in judged)
    if ask is None:
        raise NotApproved(f"nothing is approved: the student alone would judge {phrases}, and there is nobody to ask")
    answer = await ask(f"The student alone judges {phrases}, within the limits. Accept that? y or n: ")
    return answer is not None and answer.strip().lower() in ("y", "yes")


async def typed(prompt: str) -> str | None:
    """A line from the terminal, while the event loop goes on and Ctrl-C ends the wait."""
    print(prompt, end="", file=sys.stderr, flush=True)
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline() or None
