"""What is judged stands word for word in the operator's words, and says nothing that a typed condition can."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentinel.orders.grounding.said import Said
from sentinel.orders.grounding.terms import PURCHASE, SALE
from sentinel.orders.typed.order import Order


def judged_spans(text: str, order: Order) -> list[tuple[int, int]]:
    """Where the phrases of the order's judgements stand in the words: start and end."""
    return [span for phrase in order.judgements for span in _spans(text, phrase)]


def said_word_for_word(text: str, order: Order) -> bool:
    """Whether all that is judged stands in the words."""
    return all(_spans(text, phrase) for phrase in order.judgements)


def complaints(text: str, order: Order, found: Said) -> Iterator[str]:
    """What keeps a judgement from being the operator's own, a clause of a sentence each. `found`: of the same words."""
    for phrase in order.judgements:
        spans = _spans(text, phrase)
        if not spans:
            yield f'the words do not say "{phrase}"'
        if any(start <= number.start < end for number in found.numbers if not number.idle for start, end in spans):
            yield "what is judged has a number in it"
        if SALE.search(phrase) or PURCHASE.search(phrase):
            yield "what is judged is a trade"


def _spans(text: str, phrase: str) -> list[tuple[int, int]]:
    """Letter for letter but for capitals, the width of spaces and the form of an apostrophe."""
    words = r"\s+".join(re.escape(word).replace("'", "['\u2019]") for word in phrase.split())
    return [found.span() for found in re.finditer(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE)]
