"""Rows of the reader's data: operators' words with the draft of their reading, the same bytes for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from sentinel.distill.orders import split as splits
from sentinel.distill.orders.composition import compose
from sentinel.distill.orders.phrase_rules import Role, Rule
from sentinel.distill.orders.quantities import Unsayable
from sentinel.distill.orders.slips import write
from sentinel.distill.orders.split import Split
from sentinel.distill.orders.unsaid import answered
from sentinel.orders.drafts import write_draft
from sentinel.orders.order import Order
from sentinel.orders.reading import Reading, render

ASKED, REFUSED = 0.08, 0.08  # shares of the rows
MOST_TRIES = 5_000
MAX_TEXT = 600  # characters of an order's words


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

    def body(self) -> dict[str, object]:
        return {
            "id": self.id,
            "split": self.split.value,
            "kinds": self.kinds,
            "rules": self.rules,
            "text": self.text,
            "draft": self.draft,
            "reading": render(self.reading),
        }


def line(body: dict[str, object]) -> str:
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
    for _ in range(MOST_TRIES):
        try:
            row = _drawn(f"{split}-{seed}-{index:06}", split, role, rng)
        except Unsayable:
            continue
        if row.text in seen or len(row.text) > MAX_TEXT or not splits.owns(split, row.text):
            continue
        if split is not Split.WORDINGS or splits.held_rules() & set(row.rules):
            return row
    raise RuntimeError(f"{split} has no new text for row {index}: there are too few phrase rules")


def _drawn(name: str, split: Split, role: Role, rng: random.Random) -> Row:
    def allowed(rule: Rule) -> float:
        return splits.weight(split, rule)

    reading: Reading
    if role is Role.CLAUSE:
        want = rng.choice(splits.held_pairs_listed()) if split is Split.COMPOSITIONS else None
        said = compose(rng, allowed, lambda one, other: splits.pair_allowed(split, one, other), want)
        kinds, rules, words, draft, reading = said.kinds, said.rules, said.words, said.draft, said.order
    else:
        phrase, reading = answered(rng, role, allowed)
        kinds, rules, words, draft = (phrase.table.kind,), tuple(phrase.rules), (phrase.words,), write_draft(reading)
    conditional = draft.startswith("If ")
    text, asides = write(words, rng, allowed, conditional=conditional)
    return Row(name, split, kinds, (*rules, *asides), text, draft, reading)


def is_order(row: Row) -> bool:
    return isinstance(row.reading, Order)
