"""The words of an order with each number, coin and time as one marked token.

The marks are upper case, and everything else is lower case: M3 an amount of the quote token, Q3 of coins, N3 a bare
number, P3 a percentage, F3 a share in words, G3 gwei, T3 a duration, E3 a frequency, R3 "a day", W3 weights such as
60/40, CWETH a coin, XDOGE a coin that is not on the list, U the quote token, BUY, SELL and the like an action.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.distill.evaluation.rules_reader.spelled_numbers import digits
from sentinel.distill.evaluation.rules_reader.vocabulary import (
    AFTER_VERBS,
    BEFORE_VERBS,
    COINS,
    OTHER_COINS,
    QUOTE_WORDS,
    SIMPLE,
    TIMES,
    VERBS,
)

_NUMBER = r"(?P<n>[-+]?\d+(?:\.\d+)?)"
_COIN = "|".join(sorted(COINS, key=len, reverse=True))
_OTHER = "|".join(sorted(OTHER_COINS, key=len, reverse=True))
_QUOTE = "|".join(sorted(QUOTE_WORDS, key=len, reverse=True))
_UNIT = "|".join(sorted(TIMES, key=len, reverse=True))
_REPEATED = 4  # a list of up to so many further amounts
_SHARES = {"half": "0.5", "third": "0.333333", "quarter": "0.25", "fourth": "0.25", "fifth": "0.2", "tenth": "0.1",
           "eighth": "0.125", "twentieth": "0.05", "hundredth": "0.01"}  # fmt: skip
_PART = "|".join(_SHARES)


@dataclass(slots=True)
class Scanned:
    text: str
    words: str  # as the operator wrote them, in lower case
    numbers: dict[str, Decimal] = field(default_factory=dict)  # by token: units, fractions, seconds
    coins: dict[str, Symbol] = field(default_factory=dict)  # of Q tokens
    blocks: dict[str, int] = field(default_factory=dict)  # T tokens that were said in blocks
    weights: dict[str, tuple[Decimal, ...]] = field(default_factory=dict)  # of W tokens, fractions

    def token(self, mark: str, value: Decimal) -> str:
        name = f"{mark}{len(self.numbers)}"
        self.numbers[name] = value
        return f" {name} "

    def sub(self, pattern: str, make: Callable[[re.Match[str]], str]) -> None:
        self.text = re.sub(r"\s+", " ", re.sub(pattern, make, self.text))


def scan(words: str) -> Scanned:
    found = Scanned(_tidy(words), words.lower())
    _fractions_of_time(found)
    found.text = digits(found.text)
    _weights(found)
    _amounts(found)
    _times(found)
    _coins(found)
    found.sub(r"([.,:;!?])", lambda match: f" {match[1]} ")
    for pattern, plain in BEFORE_VERBS:
        found.sub(pattern, lambda match, plain=plain: match.expand(plain))  # type: ignore[misc]
    for pattern, mark in VERBS:
        found.sub(pattern, lambda _, mark=mark: mark)  # type: ignore[misc]
    for pattern, plain in AFTER_VERBS:
        for _ in range(_REPEATED):
            found.sub(pattern, lambda match, plain=plain: match.expand(plain))  # type: ignore[misc]
    _ranges(found)
    found.text = found.text.strip()
    return found


def _ranges(found: Scanned) -> None:
    """ "80-block range. lower 15 %: …": each share names the range that was said once."""
    at = re.search(r"\b(?P<t>T\d+) range\b", found.text)
    if at is not None:
        found.sub(
            r"\b(?:in the )?(lower|upper|bottom|top) (P\d+)\b(?! of)",
            lambda one: f"in the {one[1]} {one[2]} of the {at['t']} range",
        )
        if found.text.count(at.group()) > 1:
            found.text = re.sub(
                rf"(?: (?:in|on|for|over|the|,))* (?<!the ){at.group()}(?: [.;:,])?", "", found.text, count=1
            )


def _tidy(words: str) -> str:
    text = words.lower()
    for old, new in SIMPLE:
        text = text.replace(old, new)
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    text = re.sub(r"(?<=\d)-(?=[a-z])", " ", text)
    text = re.sub(r" / (?!\d|w?eth|w?btc|usdc|cash|bitcoin|stables)", " ; ", text)
    text = re.sub(r"(?<=[a-z])(?=[<>=@])|(?<=[<>=@])(?=\w)", " ", text)
    return " " + re.sub(r"\s+", " ", text) + " "


def _fractions_of_time(found: Scanned) -> None:
    """Half an hour, an hour and a half: as minutes, before "half" is a share."""
    for pattern, plain in (
        (r"\b(?:an|one) hour and a half\b", "90 minutes"),
        (r"\bhalf(?: of)? an hour\b|\bhalf hour(?:ly)?\b", "30 minutes"),
        (r"\b(?:a )?quarter(?: of an)? hour\b", "15 minutes"),
        (r"\bhalf a day\b", "12 hours"),
        (r"\bhalf a week\b", "84 hours"),
        (r"\bhalf a minute\b", "30 seconds"),
        (r"\bfortnight\b", "2 weeks"),
    ):
        found.text = re.sub(pattern, plain, found.text)


def _weights(found: Scanned) -> None:
    def parts(match: re.Match[str]) -> str:
        values = tuple(Decimal(part) / 100 for part in re.split(r" ?/ ?", match[1]))
        if sum(values) != 1:
            return match.group()
        token = found.token("W", Decimal(len(values)))
        found.weights[token.strip()] = values
        return token

    found.sub(r"\b(\d+(?:\.\d+)?(?: ?/ ?\d+(?:\.\d+)?){1,2})(?: ?%)?(?![\w/])", parts)


def _amounts(found: Scanned) -> None:
    def number(mark: str, scale: Decimal = Decimal(1)) -> Callable[[re.Match[str]], str]:
        return lambda match: found.token(mark, Decimal(match["n"]) * scale)

    def coins(match: re.Match[str]) -> str:
        token = found.token("Q", Decimal(match["n"]))
        found.coins[token.strip()] = COINS[match["coin"]]
        return token

    def part_of_coin(match: re.Match[str]) -> str:
        token = found.token("Q", _part(match["part"]) * Decimal(match["count"] or 1))
        found.coins[token.strip()] = COINS[match["coin"]]
        return token

    percent = Decimal("0.01")
    found.sub(rf"{_NUMBER} ?(?:%|percent\b|pct\b|per cent\b|percentage points?\b|points?\b|pp\b)", number("P", percent))
    found.sub(rf"{_NUMBER} ?(?:bps|basis points?|bips)\b", number("P", percent / 100))
    found.sub(rf"{_NUMBER} ?gwei\b", number("G"))
    found.sub(rf"\$ ?{_NUMBER}(?: ?(?:{_QUOTE})\b)?", number("M"))
    found.sub(rf"(?<![\w.]){_NUMBER} ?(?:\$|(?:{_QUOTE})\b(?:'s?)?)", number("M"))
    found.sub(rf"(?<![\w.])(?P<count>\d+ )?(?:an? |one )?(?P<part>{_PART})s? (?:of )?(?:an? |one )(?:whole )?"
    rf"(?P<coin>{_COIN})\b",
              part_of_coin)  # fmt: skip
    found.sub(rf"(?<![\w.]){_NUMBER} ?(?P<coin>{_COIN})\b", coins)
    found.sub(rf"\b(?:(?P<count>\d+) |an? |one )?(?P<part>{_PART})s?\b(?! ?(?:hour|way))",
              lambda match: found.token("F", _times_part(match)))  # fmt: skip
    found.sub(r"(?<![\w./])1 ?/ ?(?P<n>[2-9]|10|20)(?![\w/.])", lambda match: found.token("F", 1 / Decimal(match["n"])))


def _times_part(match: re.Match[str]) -> Decimal:
    return round(_part(match["part"]) * Decimal(match["count"] or 1), 6)


def _part(word: str) -> Decimal:
    return Decimal(_SHARES[word])


def _times(found: Scanned) -> None:
    def duration(match: re.Match[str]) -> str:
        count, unit = Decimal(match["n"]), match["unit"]
        token = found.token("T", count * TIMES[unit])
        if unit.startswith("block") and count == int(count):
            found.blocks[token.strip()] = int(count)
        return token

    def each(seconds: Callable[[re.Match[str]], Decimal]) -> Callable[[re.Match[str]], str]:
        return lambda match: found.token("E", seconds(match))

    one = rf"(?P<unit>{_UNIT})\b"
    found.sub(rf"(?<![\w.]){_NUMBER} ?(?P<unit>{_UNIT})\b", duration)
    found.sub(rf"\b(?:every|each) (?:other|second|2nd) {one}", each(lambda match: 2 * Decimal(TIMES[match["unit"]])))
    found.sub(r"(?<![\w.])(?:every|each|once every|once per|1 (?:piece |part |slice |trade |buy |sale )?(?:every"
    r"|each))(?: single)? (?P<t>T\d+)",
              each(lambda match: found.numbers[match["t"]]))  # fmt: skip
    found.sub(
        r"(?<![\w.])(?:once|1 time)(?: (?:in|within|per|each))? (?P<t>T\d+)",
        each(lambda match: found.numbers[match["t"]]),
    )
    per = r"(?: (?:an?|per|every|each|the|in an?|within an?|in any|a single))"
    found.sub(rf"(?<![\w.])(?:once|1 time|1 (?:trade|buy|sale|sell|piece|part|slice|order|swap)){per} {one}",
              each(lambda match: Decimal(TIMES[match["unit"]])))  # fmt: skip
    found.sub(rf"\btwice{per} {one}", each(lambda match: Decimal(TIMES[match["unit"]]) / 2))
    found.sub(rf"(?<![\w.])(?P<n>\d+) ?(?:times|x){per} {one}",
              each(lambda match: Decimal(TIMES[match["unit"]]) / Decimal(match["n"])))  # fmt: skip
    found.sub(
        rf"(?<![\w.])(?:1 (?:piece |part |slice |trade |buy |sale )?)?(?:every|each)(?: single)? {one}(?! T\d)",
        each(lambda match: Decimal(TIMES[match["unit"]])),
    )
    found.sub(r"\b(?:every|each) (?:morning|evening|night|afternoon)\b", each(lambda _: Decimal(86_400)))
    found.sub(r"\b(?:every|each|on) (?:mon|tues|wednes|thurs|fri|satur|sun)days?\b", each(lambda _: Decimal(604_800)))
    for word, seconds in (("hourly", 3_600), ("daily", 86_400), ("weekly", 604_800)):
        found.sub(rf"\b{word}\b", each(lambda _, s=seconds: Decimal(s)))  # type: ignore[misc]
    found.sub(rf"(?:\b(?:an?|per|1) |/ ?){one}", lambda match: found.token("R", Decimal(TIMES[match["unit"]])))
    found.sub(rf"\b(?:the |last |past |previous |next |coming |following )+(?P<unit>{_UNIT})\b",
              lambda match: f" the {found.token('T', Decimal(TIMES[match['unit']]))}")  # fmt: skip
    found.sub(rf"(?<![\w.]){_NUMBER}", lambda match: found.token("N", Decimal(match["n"])))


def _coins(found: Scanned) -> None:
    found.sub(rf"\b(?P<coin>{_COIN})(?:'s)?\b", lambda match: f" C{COINS[match['coin']]} ")
    found.sub(rf"\b(?P<coin>{_OTHER})\b", lambda match: f" X{match['coin'].upper()} ")
    found.sub(rf"\b(?:my |the )?(?:{_QUOTE})\b", lambda _: " U ")
