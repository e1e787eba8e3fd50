"""Numbers as operators write them: digits with marks for thousands, words, fractions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal


def word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _ranked(words: str, first: int) -> dict[str, int]:
    return {word: rank for rank, word in enumerate(words.split(), first)}


SMALL = {
    **_ranked(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen", 0
    ),
    **{"seventeen": 17, "eighteen": 18, "nineteen": 19, "dozen": 12, "couple": 2, "fourty": 40},
    **{ten: 10 * rank for ten, rank in _ranked("twenty thirty forty fifty sixty seventy eighty ninety", 2).items()},
}
SCALES = {"hundred": 100, "thousand": 1_000, "grand": 1_000, "k": 1_000, "million": 10**6, "mio": 10**6}
FRACTIONS = {
    name: Decimal(1) / parts
    for names, parts in (
        ("half halves", 2),
        ("third thirds", 3),
        ("quarter quarters fourth fourths", 4),
        ("fifth fifths", 5),
        ("sixth sixths", 6),
        ("eighth eighths", 8),
        ("tenth tenths", 10),
        ("twentieth twentieths", 20),
        ("hundredth hundredths", 100),
    )
    for name in names.split()
}
_ARTICLES = ("a", "an")
_PARTS_OF_RANGE = ("top", "bottom", "upper", "lower", "highest", "lowest")  # the upper quarter
_DIGITS = re.compile(r"\d")
LARGEST = Decimal(10**15)  # of a number in words; what follows is another one
_NUMERAL = re.compile(r"[\d.,'\u2019]+")


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    start: int
    end: int

    @property
    def lower(self) -> str:
        return self.text.lower()


@dataclass(frozen=True, slots=True)
class Written:
    """A number in tokens[first:last]. Several values: the words can mean each of them, the likeliest first."""

    values: tuple[Decimal, ...]
    last: int
    fraction: bool = False  # in words: half, a tenth
    digits: bool = False


def literal(text: str) -> tuple[Decimal, ...]:
    """'2,200' -> 2200; '3.100' -> 3100 or 3.1; empty if it is no number, such as a version."""
    parts = re.split("[.,'\u2019]", text)
    marks = re.findall("[.,'\u2019]", text)
    if not marks:
        return (Decimal(text),)
    thousands = all(len(part) == 3 for part in parts[1:]) and 1 <= len(parts[0]) <= 3 and parts[0][0] != "0"
    whole = Decimal("".join(parts))
    if len(marks) == 1:
        decimal = Decimal(f"{parts[0] or 0}.{parts[1]}")
        if not thousands:
            return (decimal,)
        return (whole, decimal) if marks[0] == "." else (whole,)
    if len(set(marks)) == 1:
        return (whole,) if thousands else ()
    if len(set(marks[:-1])) == 1 and all(len(part) == 3 for part in parts[1:-1]):
        return (Decimal("".join(parts[:-1]) + "." + parts[-1]),)
    return ()


class Numbers:
    """Reads the number that begins at a token, if one does."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens

    def word(self, index: int) -> str:
        return self._tokens[index].lower if 0 <= index < len(self._tokens) else ""

    def adjacent(self, index: int) -> bool:
        """Whether no space stands before this token."""
        return 0 < index < len(self._tokens) and self._tokens[index - 1].end == self._tokens[index].start

    def at(self, index: int) -> Written | None:
        word = self.word(index)
        if _DIGITS.match(word) or (word[:1] == "." and len(word) > 1):
            return self._digits(index) if _NUMERAL.fullmatch(word) else None
        if word in SMALL or (word in _ARTICLES and self._counts(index + 1)) or word in ("hundred", "thousand"):
            return self._words(index)
        if word in FRACTIONS and (
            word == "half" or self.word(index + 1) == "of" or self.word(index - 1) in _PARTS_OF_RANGE
        ):
            return Written((FRACTIONS[word],), index + 1, fraction=True)
        return None

    # ------------------------------------------------------------ digits

    def _digits(self, index: int) -> Written | None:
        text, last = self.word(index), index + 1
        while re.fullmatch(r"[1-9]\d{0,2}(?:\d{3})*", text) and self._space_and_thousands(last):
            text, last = text + self.word(last), last + 1
        values = literal(text.lstrip(".") if text[:1] != "." else f"0{text}")
        if not values:
            return None
        if self.word(last) == "/" and self._is_fraction(index, last):
            return Written((values[0] / Decimal(self.word(last + 1)),), last + 2, fraction=True, digits=True)
        values, last = self._scaled(values, last)
        if self.word(last) in FRACTIONS and self.word(last) != "half":
            return Written(tuple(value * FRACTIONS[self.word(last)] for value in values), last + 1, fraction=True)
        values, last = self._and_a_fraction(values, last)
        return Written(values, last, digits=True)

    def _space_and_thousands(self, index: int) -> bool:
        """48 000: three digits after exactly one space."""
        if not re.fullmatch(r"\d{3}", self.word(index)) or self.word(index + 1) == "/":
            return False
        return self._tokens[index].start - self._tokens[index - 1].end == 1

    def _is_fraction(self, index: int, slash: int) -> bool:
        """1/10, but not the weights 60/40."""
        above, below = self.word(index), self.word(slash + 1)
        joined = self.adjacent(slash) and self.adjacent(slash + 1)
        return joined and above.isdigit() and below.isdigit() and 0 < int(above) < int(below) and int(above) < 5

    # ------------------------------------------------------------ words

    def _counts(self, index: int) -> bool:
        """Whether 'a' before this word is a number: a hundred, a dozen, a tenth, a couple of."""
        word = self.word(index)
        return word in SCALES or word in ("dozen", "couple", "half") or word in FRACTIONS

    def _words(self, index: int) -> Written:
        total, part, last = Decimal(0), Decimal(0), index
        if self.word(last) in _ARTICLES:
            part, last = Decimal(1), last + 1
        while part + total < LARGEST and ((word := self.word(last)) in SMALL or word in SCALES):
            if word in ("dozen", "couple"):
                part = (part or Decimal(1)) * SMALL[word]
                last += self.word(last + 1) == "of"
            elif word == "hundred":
                part = (part or Decimal(1)) * 100
            elif word in SCALES:
                total, part = total + (part or Decimal(1)) * SCALES[word], Decimal(0)
            elif part % 100 and (part % 10 or part % 100 == 10 or SMALL[word] > 9):
                break  # two numbers in a row
            else:
                part += SMALL[word]
            last = self._joined(last + 1, after_scale=word in SCALES)
        return self._finished(total + part, last)

    def _joined(self, last: int, *, after_scale: bool) -> int:
        """Over the hyphen of twenty-five, and over the word of a hundred and five."""
        word, follows = self.word(last), self.word(last + 1)
        if word == "-" and self.adjacent(last) and self.adjacent(last + 1) and (follows in SMALL or follows in SCALES):
            return last + 1
        return last + 1 if word == "and" and after_scale and follows in SMALL else last

    def _finished(self, value: Decimal, last: int) -> Written:
        word = self.word(last)
        if word == "-" and self.adjacent(last) and self.word(last + 1) in FRACTIONS:  # two-thirds
            word, last = self.word(last + 1), last + 1
        if word in FRACTIONS and not (word == "half" and value != 1):
            return Written(((value or Decimal(1)) * FRACTIONS[word],), last + 1, fraction=True)
        if word == "point" and self.word(last + 1) in SMALL:
            decimals, last = "", last + 1
            while self.word(last) in SMALL and SMALL[self.word(last)] < 10:
                decimals, last = decimals + str(SMALL[self.word(last)]), last + 1
            if decimals:
                return Written((Decimal(f"{value}.{decimals}"),), last)
        values, last = self._and_a_fraction((value,), last)
        return Written(values, last)

    def _and_a_fraction(self, values: tuple[Decimal, ...], last: int) -> tuple[tuple[Decimal, ...], int]:
        """two and a half, 2 and a quarter"""
        if (
            self.word(last) in ("and", "&")
            and self.word(last + 1) in _ARTICLES
            and self.word(last + 2) in ("half", "quarter")
        ):
            more = FRACTIONS[self.word(last + 2)]
            return self._scaled(tuple(value + more for value in values), last + 3)
        return values, last

    def _scaled(self, values: tuple[Decimal, ...], last: int) -> tuple[tuple[Decimal, ...], int]:
        while (scale := SCALES.get(self.word(last))) is not None:
            values, last = tuple(value * scale for value in values), last + 1
        return values, last
