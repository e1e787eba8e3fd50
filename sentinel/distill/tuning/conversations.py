"""The rows that a base is tuned on: conversations, from JSON lines.

A line is either an order with its reading, {"id", "text", "draft", "reading", …}, which becomes the request that is
made when serving (agent/read_prompt.py) with the draft as its answer; or a conversation, {"id", "messages": [{"role",
"content"}, …], "given"}, where `given` is how its last turn begins, without loss, and may be left out.

Of some orders the student also learns the program (agent/trade_prompt.py), of some of these the approval
(agent/approve_prompt.py), and of each that has something judged an answer (agent/judge_prompt.py). A program begins
with the first thought, the reading, which is given when serving and carries no loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentinel.agent.approve_prompt import approve_row
from sentinel.agent.prompt import Message
from sentinel.agent.read_prompt import read_messages
from sentinel.agent.trade_prompt import trade_prefill, trade_row
from sentinel.distill.orders.judging import judgement_row
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.spending import spending
from sentinel.orders.typed.order import Order

QUOTE = "USDC"  # of the generated orders
PROGRAMS_PER_APPROVAL = 3
TRAIN = "train"  # the split that may be trained on


class RowFault(Exception):
    """A row that must not be trained on. The message names it."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One row. Each turn of the assistant carries loss, up to its end token, but for what the last one begins with."""

    id: str
    messages: tuple[Message, ...]
    given: str = ""  # how the last turn begins; the student is given it when serving

    @property
    def answers(self) -> list[str]:
        """The assistant's turns."""
        return [message["content"] for message in self.messages if message["role"] == "assistant"]


def read(paths: Sequence[Path], trade_every: int = 0) -> list[Conversation]:
    """All rows of the files, in order; an order is followed by the rows of what else is learned of it.

    Of `trade_every` orders one has a program; 0: nothing but readings. Raises RowFault for a line that is no row, or a
    row of a held-out split.
    """
    return [row for path in paths for row in _read_file(path, trade_every)]


def _read_file(path: Path, trade_every: int) -> Iterator[Conversation]:
    orders = 0
    # Lines end with \n alone: str.splitlines would also cut at U+2028, which JSON allows inside a text.
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if line.strip():
            try:
                body = json.loads(line)
                yield conversation(body)
                order = parse(str(body.get("reading", "")), QUOTE) if trade_every else None
                if isinstance(order, Order):
                    orders += 1
                    yield from _learned_of(str(body["id"]), str(body["text"]), order, orders, trade_every)
            except RowFault:
                raise
            except Exception as error:
                raise RowFault(f"{path}, line {number} is no row: {type(error).__name__}: {error}") from error


def _learned_of(name: str, text: str, order: Order, number: int, trade_every: int) -> Iterator[Conversation]:
    """Beside its reading, of the order with this number."""
    if number % trade_every == 0:
        yield Conversation(f"{name}-trade", tuple(trade_row(text, order)), trade_prefill(order))
    if number % (trade_every * PROGRAMS_PER_APPROVAL) == 0:
        for token in list(spending(order))[:1]:
            yield Conversation(f"{name}-approve", tuple(approve_row(text, order, token)), trade_prefill(order))
    for phrase in order.judgements:
        yield Conversation(f"{name}-judge", judgement_row(phrase, name))


def conversation(row: Mapping[str, object]) -> Conversation:
    """The conversation of one line. Raises RowFault if it was held out or has no answer."""
    name = str(row["id"])
    if row.get("split", TRAIN) != TRAIN:
        raise RowFault(f"row {name} is of the held-out split {row['split']!r} and must not be trained on")
    if "draft" in row:
        turns = [*read_messages(str(row["text"])), Message(role="assistant", content=str(row["draft"]))]
    else:
        given = row["messages"]
        if not isinstance(given, list):
            raise RowFault(f"row {name} has neither draft nor messages")
        turns = [Message(role=str(turn["role"]), content=str(turn["content"])) for turn in given]
    result = Conversation(name, tuple(turns), str(row.get("given", "")))
    if not result.answers:
        raise RowFault(f"row {name} has no turn of the assistant, so nothing of it can be learned")
    for answer in result.answers:
        if answer != answer.strip():
            raise RowFault(f"row {name} has an answer that begins or ends with space: {answer!r}")
        if not answer:
            raise RowFault(f"row {name} has an empty answer, so nothing of it can be learned")
    return result
