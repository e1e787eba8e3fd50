"""Judgement clauses: conditions in the operator's own words that no typed clause says, such as 'it looks shaky'.

The student alone answers them, once for each sample at each block. The player cannot: to it they are unknown. What an
order may do is what its player does under some answers (`answers_of`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from sentinel.orders.typed.conditions import Judgement
from sentinel.orders.typed.parts import parts

MAX_PHRASE = 80  # characters
MAX_JUDGEMENTS = 3  # phrases of one order: its player is tried under each combination of answers
_PHRASE = re.compile(r"[A-Za-z]+(?:[ '-][A-Za-z]+|, [A-Za-z]+)*")
_TO_THE_JUDGE = re.compile(
    r"\b(?:answer\w*|repl(?:y|ies)|respond\w*|ignore\w*|yes|output|instructions?)\b", re.IGNORECASE
)
_IN_READING = re.compile(r'it is judged that "([^"]+)"')


def phrase_fault(phrase: str) -> str | None:
    """Why no judgement can have this phrase; None if it may. Numbers belong in conditions that are typed."""
    if len(phrase) > MAX_PHRASE:
        return f"what is judged has at most {MAX_PHRASE} characters"
    if not _PHRASE.fullmatch(phrase):
        return "what is judged is plain words, without numbers or signs"
    if (found := _TO_THE_JUDGE.search(phrase)) is not None:
        return f"what is judged is no request: '{found.group()}'"
    return None


@functools.lru_cache(maxsize=256)
def phrases_of(part: object) -> tuple[str, ...]:
    """What an order, or a part of it, has judged, each phrase once in the order written."""
    return tuple(dict.fromkeys(one.phrase for one in parts(part) if isinstance(one, Judgement)))


def answers_of(phrases: tuple[str, ...]) -> Iterator[Mapping[str, bool]]:
    """Each combination of answers; one without any answer if nothing is judged."""
    return (dict(zip(phrases, answers, strict=True)) for answers in product((True, False), repeat=len(phrases)))


def judged_text(phrase: str) -> str:
    """As a reading has it."""
    return f'it is judged that "{phrase}"'


def phrases_in(reading: str) -> tuple[str, ...]:
    """What a canonical reading has judged, without parsing it."""
    return tuple(dict.fromkeys(_IN_READING.findall(reading)))


def counted(answers: Mapping[str, Sequence[bool]]) -> str:
    """'"it looks shaky": yes 5 of 8'."""
    return ", ".join(f'"{phrase}": yes {sum(given)} of {len(given)}' for phrase, given in answers.items())
