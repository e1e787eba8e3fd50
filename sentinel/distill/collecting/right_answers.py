"""Whether a teacher's answer is right: a reading by its effect, a program by what it does in made-up situations."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.agent.action_format import THOUGHT
from sentinel.agent.order_code import OrderRunner
from sentinel.agent.order_tools import OrderTools
from sentinel.agent.parse import parse
from sentinel.core.actions import Action, Discarded, HoldAction
from sentinel.distill.collecting.taught_order import TaughtOrder
from sentinel.distill.evaluation.labelled_orders import BLOCK, QUOTE, TOKENS
from sentinel.orders.battery.battery import battery
from sentinel.orders.battery.groups import groups
from sentinel.orders.battery.scenes import situation_in
from sentinel.orders.grounding.grounding import ground
from sentinel.orders.language.drafts import read_draft
from sentinel.orders.language.reading import render
from sentinel.orders.language.reading_parser import NotRead
from sentinel.orders.playing.coins import coins_of
from sentinel.orders.playing.player import play
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.trades import Trade
from sentinel.orders.typed.order import Order


def reading_fault(order: TaughtOrder, draft: str) -> str | None:
    """Why the draft of a reading is wrong; None if it means what the order means and nothing is made up."""
    reading = read_draft(draft, QUOTE, block_seconds=BLOCK)
    if isinstance(reading, NotRead):
        return "it is no reading"
    if type(reading) is not type(order.reading) or len(groups([order.reading, reading])) > 1:
        return "it means something else"
    if isinstance(reading, Order) and ground(order.text, reading, BLOCK, TOKENS).complaints:
        return "it is not grounded"
    return None


def code_in(order: Order, text: str) -> str | None:
    """The code of a teacher's program; None if the text is not one block of code."""
    code = parse(f"{THOUGHT}{render(order)}\nCode:\n{text}")
    return None if isinstance(code, Discarded) else code


async def program_fault(order: TaughtOrder, code: str, runner: OrderRunner) -> str | None:
    """Why a program is wrong; None if it makes the trades of the order's player, in each situation of the row and in
    each scene of the order's battery."""
    assert isinstance(order.reading, Order)
    for at in _situations(order, order.reading):
        trades: list[Trade] = []
        run = await runner.run(code, _tools(order.reading, at, trades))
        if run.error is not None or len(run.finals) != 1:
            return "its program fails"
        played = play(order.reading, at).trade
        if trades != ([] if played is None else [played]):
            return "its program trades otherwise"
    return None


def _situations(order: TaughtOrder, reading: Order) -> Iterator[Situation]:
    yield from (situation.facts(reading) for situation in order.situations)
    yield from (situation_in(reading, scene) for scene in battery([reading]))


def _tools(order: Order, at: Situation, trades: list[Trade]) -> OrderTools:
    """Tools whose trades are noted in `trades` and not built."""

    def note(trade: Trade) -> Action:
        trades.append(trade)
        return HoldAction("noted")

    return OrderTools(at, QUOTE, frozenset({*TOKENS, *coins_of(order)}), note)
