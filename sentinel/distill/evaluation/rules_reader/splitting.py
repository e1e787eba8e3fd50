"""Splits scanned words into stretches of one action each, with the conditions that belong to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from sentinel.distill.evaluation.rules_reader.acting import VERB

_OPENS = re.compile(
    r"(?: [,;:])?(?: (?:and|but|or|then|else|otherwise|also))*(?= (?:if|when|once|whenever|as soon as|should"
    r"|every time|each time|rsi|at [PMN]\d+|P\d+(?= ,))\b)"
)
HINTS = {"STOP": "stoploss", "TAKE": "takeprofit", "TRAIL": "trailing"}  # of an action that follows
_MERGED = re.compile(
    r"\b(?P<hint>STOP|TAKE|TRAIL)\b(?P<between>(?: (?!if\b|when\b|once\b|at\b"
    r"|and\b)(?!\w*[PMNQ]\d)[\w':,]+){0,6}?) (?P<verb>SELL|SWAP)\b"
)


def segments(text: str) -> list[str]:
    """One stretch for each action; words without an action belong to the stretch before, or to the first."""
    text = _MERGED.sub(lambda found: f"{HINTS[found['hint']]}{found['between']} {found['verb']}", text)
    found: list[str] = []
    waiting = ""
    for sentence in re.split(r" ?[.;!?](?: |$)", text):
        parts = list(_actions(sentence.strip()))
        if not re.search(VERB, sentence):
            if found:
                found[-1] += f" , {sentence.strip()}" if sentence.strip() else ""
            else:
                waiting += f"{sentence} , " if sentence.strip() else ""
            continue
        parts[0] = waiting + parts[0]
        waiting = ""
        found += parts
    if waiting.strip(" ,"):
        found.append(waiting)
    return [rung for part in found for rung in _rungs(part)]


def _rungs(text: str) -> Iterator[str]:
    """One stretch for each level of a ladder: "at N1 , N2 and N3"."""
    ladder = re.search(
        r"\bat (?P<first>[MN]\d+)(?P<more>(?: (?:,|and|/|then))+ [MN]\d+(?:(?: (?:,|and|/|then))+ [MN]\d+)*)"
        r"(?! \w*(?:of|worth))",
        text,
    )
    if ladder is None:
        yield text
        return
    for level in re.findall(r"[MN]\d+", ladder.group()):
        yield f"{text[: ladder.start()]}at {level}{text[ladder.end() :]}"


def _actions(sentence: str) -> Iterator[str]:
    verbs = list(re.finditer(VERB, sentence))
    if len(verbs) <= 1:
        yield sentence
        return
    start = 0
    leading = re.search(r"\b(?:if|when|once|whenever|as soon as|should|after)\b|[PMN]\d", sentence[: verbs[0].start()])
    for verb, following in pairwise(verbs):
        cut = _cut(sentence, verb.end(), following.start(), leading=bool(leading))
        yield sentence[start:cut].strip(" ,")
        start = cut
    yield sentence[start:].strip(" ,")


def _cut(sentence: str, after: int, before: int, *, leading: bool) -> int:
    """Where the words of one action end and those of the next begin."""
    between = sentence[after:before]
    opens = [found.start() for found in _OPENS.finditer(between) if found.start() > 0]
    if leading and opens:
        return after + opens[0]
    for at in opens:
        if re.search(r"\b(?:at|if|when|once|below|above|under|over)\b.*[PMN]\d", between[:at]):
            return after + at
    joint = re.search(r"(?: [,;:])?(?: (?:and|but|or|then|also))*(?: (?:i|please|just))*$", between)
    return after + (joint.start() if joint else len(between))
