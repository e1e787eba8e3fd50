"""Rows of the reader's data: operators' words with the draft of their reading, the same bytes for the same seed."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sentinel.distill.orders import split as splits
from sentinel.distill.orders.composition import SHAPES, Choices, SaidOrder, compose
from sentinel.distill.orders.phrase_rules import Role, Rule
from sentinel.distill.orders.quantities import Unsayable
from sentinel.distill.orders.situations import situations
from sentinel.distill.orders.slips import write
from sentinel.distill.orders.split import Split
from sentinel.distill.orders.unsaid import SaidAnswer, answered
from sentinel.orders.grounding.judgement_words import said_word_for_word
from sentinel.orders.language.reading import Reading, render
from sentinel.orders.typed.order import Order

ASKED, REFUSED = 0.08, 0.08  # shares of the rows
MOST_TRIES = 20_000
MAX_TEXT = 600  # characters of an order's words
_WRITINGS = 6  # of the same words, before others are drawn


@dataclass(frozen=True, slots=True)
class Row:
    """The words of one order, what they mean, and the phrase rules that made them."""

    id: str
    split: Split
    kinds: tuple[str, ...]
    rules: tuple[str, ...]
    text: str
    draft: str
    reading: Reading
    situations: tuple[dict[str, object], ...] = ()

    def line(self) -> str:
        """As JSON; situations only where they are."""
        body: dict[str, object] = {"id": self.id, "split": self.split.value, "kinds": self.kinds, "rules": self.rules}
        body |= {"text": self.text, "draft": self.draft, "reading": render(self.reading)}
        if self.situations:
            body["situations"] = self.situations
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n"


def rows(split: Split, count: int, seed: int) -> Iterator[Row]:
    """`count` rows, no text twice. A longer run begins with the rows of a shorter one."""
    seen: set[str] = set()
    for index in range(count):
        row = _row(split, seed, index, seen)
        seen.add(row.text)
        yield row


def _row(split: Split, seed: int, index: int, seen: set[str]) -> Row:
    rng = random.Random(f"{split}:{seed}:{index}")
    pick = rng.random()
    role = Role.ASK if pick < ASKED else Role.REFUSE if pick < ASKED + REFUSED else Role.CLAUSE
    if split is Split.COMPOSITIONS:
        role = Role.CLAUSE  # questions and refusals are compositions of nothing
    shape = rng.choice(SHAPES)  # before all that can be refused, so that longer orders are no more frequent
    for _ in range(MOST_TRIES):
        try:
            row = _written(_drawn(split, role, shape, rng), split, rng, seen)
            found = () if split is Split.TRAIN else situations(row.reading, rng)
        except Unsayable:
            continue
        return replace(row, id=f"{split}-{seed}-{index:06}", situations=found)
    raise RuntimeError(f"{split} has no new text for row {index}: there are too few phrase rules")


def _drawn(split: Split, role: Role, shape: tuple[int, int], rng: random.Random) -> SaidOrder | SaidAnswer:
    """Raises Unsayable."""

    def allowed(rule: Rule) -> float:
        return splits.weight(split, rule)

    if role is not Role.CLAUSE:
        return answered(rng, role, allowed)
    want = rng.choice(splits.held_pairs_listed()) if split is Split.COMPOSITIONS else None
    pairs = functools.partial(splits.pair_allowed, split)
    return compose(rng, Choices(allowed, pairs, shape, want, labelled=split is not Split.TRAIN))


def _written(said: SaidOrder | SaidAnswer, split: Split, rng: random.Random, seen: set[str]) -> Row:
    """The words as they arrive, with a text that is the split's own. Raises Unsayable."""
    for _ in range(_WRITINGS):
        conditional = said.draft.startswith("If ")
        text, asides = write(said.words, rng, lambda rule: splits.weight(split, rule), conditional=conditional)
        rules = (*said.rules, *asides)
        if isinstance(said.reading, Order) and not said_word_for_word(text, said.reading):
            continue  # a slip of the pen is in what the student alone judges
        held = split is not Split.WORDINGS or bool(splits.held_rules() & set(rules))
        if held and text not in seen and len(text) <= MAX_TEXT and splits.owns(split, text):
            return Row("", split, said.kinds, rules, text, said.draft, said.reading)
    raise Unsayable("these words are another split's")
