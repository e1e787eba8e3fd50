"""x"""

from __future__ import annotations

from sentinel.orders.answers import Question
from sentinel.orders.reading import Ask, Reading


def read(text: str) -> Reading:
    return Ask(Question.MEANING)
