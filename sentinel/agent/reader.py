"""The reader, from an operator's words to readings: many are drawn, the ungrounded fall out, the rest are grouped.

It decides nothing: a group is shown to the operator, and nothing is traded before one is approved.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sentinel.agent.episode import Message
from sentinel.agent.read_prompt import one_line_order, read_messages
from sentinel.config.reading_settings import ReadingSettings
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import OperatorError
from sentinel.core.network import Network, Symbol
from sentinel.core.untrusted_text import one_line
from sentinel.orders.battery.groups import Group, groups
from sentinel.orders.grounding.grounding import Grounding, ground
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.drafts import BLOCK_SECONDS, read_draft
from sentinel.orders.language.reading import Ask, Reading, Refuse
from sentinel.orders.language.reading_parser import NotRead
from sentinel.orders.playing.coins import coins_of
from sentinel.orders.typed.order import Order

MAX_REASON = 100  # characters of a reason that is counted
_ANSWERS = frozenset([*Question, *Refusal])


class ReadingSampler(Protocol):
    """The student: it draws answers to messages."""

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        """Draw n answers. Raises ModelUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read from an order in words."""

    words: str  # on one line
    asked: int  # readings that were drawn
    groups: tuple[Group, ...]  # the largest first
    dropped: Mapping[str, int]  # readings that fell out, by reason
    defaults: Mapping[Order, tuple[str, ...]]  # what the order of a group takes for granted, a sentence each
    min_agreement: float

    @property
    def answer(self) -> Reading:
        """The reading of the largest group if enough of all that were drawn are in it, else a question."""
        return Ask(Question.MEANING) if (agreed := self._agreed()) is None else agreed.reading

    @property
    def agreed_question(self) -> bool:
        """Whether enough readings ask the same."""
        agreed = self._agreed()
        return agreed is not None and isinstance(agreed.reading, Ask)

    def _agreed(self) -> Group | None:
        first, *others = self.groups or (None,)
        tied = first is not None and bool(others) and others[0] is not None and others[0].votes == first.votes
        return None if first is None or tied or first.votes < self.min_agreement * self.asked else first


@dataclass(frozen=True, slots=True)
class Reader:
    """`tokens`: the network's symbols, the quote token among them. `block_seconds`: the network's."""

    sampler: ReadingSampler
    quote: Symbol
    tokens: Collection[Symbol]
    samples: int = 16
    min_agreement: float = 0.5
    block_seconds: int = BLOCK_SECONDS

    @staticmethod
    def of(sampler: ReadingSampler, settings: ReadingSettings, network: Network) -> Reader:
        """The reader of these settings on this network."""
        tokens, blocks = tuple(network.tokens), block_seconds(network)
        return Reader(sampler, network.quote, tokens, settings.samples, settings.min_agreement, blocks)

    async def read(self, words: str) -> Readings:
        """The readings are judged in a thread, because playing their battery takes seconds.

        Raises OperatorError if the words are too long, empty or not printable, and ModelUnavailable.
        """
        line, drawn = await self.drawn(words)
        return await asyncio.to_thread(self.judged, line, drawn)

    async def drawn(self, words: str) -> tuple[str, list[Sample]]:
        """The words on one line, and the samples that `judged` takes. Raises as `read`."""
        line = one_line_order(words)
        if odd := next((c for c in line if c.isnumeric() and not c.isascii()), None):
            raise OperatorError(f"write numbers in plain digits or words, not with U+{ord(odd):04X}")
        return line, await self.sampler.sample(read_messages(line), self.samples, "")

    def judged(self, words: str, drawn: Sequence[Sample]) -> Readings:
        """The readings among samples that were drawn already."""
        kept: list[Reading] = []
        dropped = Counter[str]()
        for sample in drawn[: self.samples]:
            reading = self._reading(words, sample)
            if isinstance(reading, NotRead):
                dropped[one_line(reading.why, MAX_REASON)] += 1
            else:
                kept.append(reading)
        if missing := self.samples - len(drawn):
            dropped["it was not drawn"] += max(missing, 0)
        found = tuple(groups(kept))
        orders = [group.reading for group in found if isinstance(group.reading, Order)]
        defaults = {order: self._grounding(words, order).defaults for order in orders}
        return Readings(words, self.samples, found, dict(dropped), defaults, self.min_agreement)

    def _reading(self, words: str, sample: Sample) -> Reading | NotRead:
        """The reading of one sample, or why it counts for none."""
        if sample.finish is not Finish.STOP:
            return NotRead("it was cut off")
        found = read_draft(sample.text.strip(), self.quote, block_seconds=self.block_seconds)
        match found:
            case NotRead():
                return NotRead("it is no reading")
            case Ask(answer) | Refuse(answer):
                return found if answer in _ANSWERS else NotRead("it asks or refuses in words of its own")
        if unknown := sorted(coins_of(found) - set(self.tokens)):
            return NotRead(f"{unknown[0]} is not in the network")
        complaints = self._grounding(words, found).complaints
        return NotRead(f"not grounded: {complaints[0]}") if complaints else found

    def _grounding(self, words: str, order: Order) -> Grounding:
        return ground(words, order, self.block_seconds, self.tokens)


def block_seconds(network: Network) -> int:
    """Of a block, as operators count; that of the labelled orders where the network's blocks have no fixed time."""
    return max(round(network.block_time), 0) or BLOCK_SECONDS
