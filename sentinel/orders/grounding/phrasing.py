"""How numbers stand in an operator's words: beside which side, and with which word of comparison."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from sentinel.orders.grounding.number_words import word_set
from sentinel.orders.grounding.said import SaidNumber
from sentinel.orders.grounding.terms import PURCHASE, SALE
from sentinel.orders.playing.trades import Side

_BREAK = re.compile(
    r"[;:]|,(?!\d)|\.(?=\s|$)|[!?]|(?:->|=>|\u2014|\u2013(?=\s))|\s[-/+]\s"
    r"|\b(?:and|or|else|otherwise|but|then)\b(?=\s+(?:if|when|once|whenever|only|also|i\b|then|please|to\b|(?:re)?buy|bid"
    r"|add|sell|dump|take|exit|close|cut|spend|keep|trim|grab|get|unload|put|swap|stop|not|never|don't|do\b))",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]+(?:['\u2019][a-z]+)?")
_OPEN = word_set(
    """ape ask bracket cash close closes convert deploy flip get go have in into lighten move oco offer out pick put
    realize rid scale shift spend stop swap take throw trail turn use want"""
)  # may mean either side
_NOT = re.compile(
    r"\b(?:not|never|no|none|nothing|unless|until|without|except|avoid|skip|hold off|wait\w*|pause|\w+n['\u2019]?t|dont"
    r"|stop|instead|before|halt|hands off|forget|ignore)\b",
    re.IGNORECASE,
)
_DOWN = word_set(
    """downside underneath under below beneath sub drop drops dropped dropping fall falls fallen falling
    fell dip dips dipped down lower loses lose losing lost cheaper sink sinks slides slips slumps
    declines declined red loss minus"""
)
_UP = word_set(
    """upside upper over above past beyond rise rises risen rising rose rallies rally climbs climbed gain
    gains gained win wins up higher exceed exceeds pumps jumps green profit plus dearer"""
)
_STRICT = word_set("under below beneath sub over above past beyond")
_NEAR = 3  # words between a number and its word of comparison
_OR_LESS = re.compile(r"\W*or (?:less|lower|below|under|cheaper|beneath|fewer)\b", re.IGNORECASE)
_OR_MORE = re.compile(r"\W*or (?:more|higher|above|over|dearer|beyond)\b", re.IGNORECASE)
_OR_BETTER = re.compile(r"\W*or better\b", re.IGNORECASE)
_LESS_THAN = re.compile(r"\b(?:less|lower|cheaper|smaller) than\W*$", re.IGNORECASE)
_MORE_THAN = re.compile(r"\b(?:more|higher|greater|dearer) than\W*$", re.IGNORECASE)
_AT_MOST = re.compile(r"\b(?:at most|max(?:imum)?|up to|no more than)\W*$", re.IGNORECASE)
_AT_LEAST = re.compile(r"\b(?:at least|min(?:imum)?|no less than)\W*$", re.IGNORECASE)
_REACHES = re.compile(
    r"(?:\b(?:at or \w+|reach\w*|touch\w*|hits?|gets? to|comes? to|prints?|limit|at|to)|@)\W*$", re.IGNORECASE
)
_NO_LEVEL = re.compile(
    r"\bfrom (?:below|above|under|beneath|over)\b|\bover (?:the )?(?:last|past|next|previous|course)\b"
    r"|\bover \S+ (?:blocks?|min\w*|hours?|days?|weeks?)\b|\b(?:over|under|above|below) an? (?:hour|day|week|minute)\b",
    re.IGNORECASE,
)  # words of comparison that compare nothing
_STOP = re.compile(
    r"\b(?:stop\w*|sl|los(?:s|es|ing)|protect\w*|bail\w*|break\w*|crack\w*|oco"
    r"|bracket\w*|between|either|cut|from above)\b",
    re.IGNORECASE,
)
_BREAKOUT = re.compile(
    r"\b(?:break\w*|cross\w*|clear\w*|reclaim\w*|momentum|strength|chas\w*|stop|from below)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Phrasing:
    """Where the words leave something open, it is None: then nothing is held against a reading."""

    side: Side | None = None
    rising: bool | None = None  # whether the number is reached from below
    strict: bool | None = None  # whether equality is excluded; False: it is included
    breakout: bool = False  # words of a buy above a price
    stop: bool = False  # words of a sale below a price
    denied: bool = False  # by a 'not', which turns comparisons around


class Places:
    def __init__(self, text: str) -> None:
        edges = [0, *(found.start() for found in _BREAK.finditer(text)), len(text)]
        self._text = text
        self._parts = [(start, end) for start, end in pairwise(edges) if end > start]

    def of(self, number: SaidNumber) -> Phrasing:
        index = next(i for i, (start, end) in enumerate(self._parts) if start <= number.start < end)
        start, end = self._parts[index]
        part = self._text[start:end]
        if _NOT.search(part):
            return Phrasing(denied=True)
        before = _NO_LEVEL.sub(" ", self._text[start : number.start])
        after = _NO_LEVEL.sub(" ", self._text[min(number.end, end) : end])
        near = {*_words(before)[-_NEAR:], *_words(after)[:_NEAR]}
        rising = _rising(near, before, after)
        return Phrasing(
            self._side(index),
            rising,
            _strict(before, after),
            rising is True or _BREAKOUT.search(self._text) is not None,
            rising is False or _STOP.search(self._text) is not None,
        )

    def _side(self, index: int) -> Side | None:
        """That of its own part, else the only one of the sentence."""
        if own := self._sides(index):
            return own.pop() if len(own) == 1 else None
        first, last = index, index + 1
        while first > 0 and not self._begins(first):
            first -= 1
        while last < len(self._parts) and not self._begins(last):
            last += 1
        if _OPEN & set(_words(self._text[self._parts[first][0] : self._parts[last - 1][1]])):
            return None
        sides = {side for beside in range(first, last) for side in self._sides(beside)}
        return sides.pop() if len(sides) == 1 else None

    def _begins(self, index: int) -> bool:
        """Whether a sentence begins with this part."""
        return self._text[self._parts[index][0] :].lstrip()[:1] in ".;!?/+"

    def _sides(self, index: int) -> set[Side]:
        if not 0 <= index < len(self._parts):
            return set()
        start, end = self._parts[index]
        part = self._text[start:end]
        return {side for side, verb in ((Side.BUY, PURCHASE), (Side.SELL, SALE)) if verb.search(part)}


def _rising(near: set[str], before: str, after: str) -> bool | None:
    up, down = bool(near & _UP), bool(near & _DOWN)
    if up != down:
        return up
    if up:
        return None
    up = bool(_OR_MORE.match(after) or _AT_LEAST.search(before) or _MORE_THAN.search(before))
    down = bool(_OR_LESS.match(after) or _AT_MOST.search(before) or _LESS_THAN.search(before))
    return None if up == down else up


def _strict(before: str, after: str) -> bool | None:
    included = [_OR_LESS.match(after), _OR_MORE.match(after), _OR_BETTER.match(after)]
    if any(included) or any(words.search(before) for words in (_AT_MOST, _AT_LEAST, _REACHES)):
        return False
    last = _WORD.findall(before)[-1:]
    return True if last and last[0].lower() in _STRICT else None


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
