"""A stretch of scanned words that holds one action, and what of it is understood already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.distill.evaluation.rules_reader.scan import Scanned
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.reading import Ask, Refuse
from sentinel.orders.typed.conditions import Condition
from sentinel.orders.typed.expressions import Best

DONE = " _ "  # stands for words that are understood
_COIN = re.compile(r"\bC([A-Z]+)\b|\b(Q\d+)\b")


class Stopped(Exception):
    """The reading is no order: a question or a refusal."""

    def __init__(self, reason: Question | Refusal) -> None:
        super().__init__(reason)
        self.reading = Ask(reason) if isinstance(reason, Question) else Refuse(reason)


@dataclass(slots=True)
class Segment:
    text: str
    scanned: Scanned
    coin: Symbol | None = None  # what "it" is
    before: Condition | None = None  # of the action before, whose reference may hold here too
    best: Best | None = None  # the coin of the action, if it is the best of several

    def search(self, pattern: str) -> re.Match[str] | None:
        return re.search(pattern, self.text)

    def take(self, pattern: str) -> re.Match[str] | None:
        """The first match, which is taken out of the text."""
        found = re.search(pattern, self.text)
        if found is not None:
            self.text = re.sub(r" +", " ", self.text[: found.start()] + DONE + self.text[found.end() :])
        return found

    def number(self, token: str) -> Decimal:
        return self.scanned.numbers[token]

    def coins(self) -> list[Symbol]:
        """The coins that it names, in their order, each once."""
        return list(dict.fromkeys(named_coins(self.text, self.scanned)))

    def coin_before(self, at: int) -> Symbol:
        """The coin that is named last before `at`, else what is named next, else what "it" is. Raises Stopped."""
        before, after = named_coins(self.text[:at], self.scanned), named_coins(self.text[at:], self.scanned)
        coin = before[-1] if before else after[0] if after else self.coin
        if coin is None:
            raise Stopped(Question.COIN)
        return coin


def named_coins(text: str, scanned: Scanned) -> Sequence[Symbol]:
    return [found[1] or scanned.coins[found[2]] for found in _COIN.finditer(text)]
