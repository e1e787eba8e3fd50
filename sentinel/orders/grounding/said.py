"""What an operator's words contain: numbers with their units, durations and coins, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from sentinel.core.network import Symbol
from sentinel.orders.grounding.coin_names import NAMES, QUOTE_NAMES, SATOSHI, coin_named
from sentinel.orders.grounding.moments import MOMENT, read_moment
from sentinel.orders.grounding.number_words import SMALL, Numbers, Token, Written
from sentinel.orders.grounding.unit_words import (
    ADVERBS,
    COUNTED,
    DAY,
    EVERY,
    FACTORS,
    INDICATORS,
    MONEY_SIGNS,
    MORE,
    MULTIPLES,
    OWN,
    PERCENT,
    POINTS,
    SECONDS,
    SHORT_UNITS,
    SINGULAR,
    SPAN,
)

TOKENS = (Symbol("WETH"), Symbol("WBTC"), Symbol("USDC"))
QUOTE = Symbol("USDC")
NO_COIN = Symbol("")


class Measure(StrEnum):
    BARE = "a bare number"
    QUOTE = "quote tokens"
    COINS = "coins"
    RATIO = "a fraction"  # 5% is 0.05
    GWEI = "gwei"
    SECONDS = "seconds"
    BLOCKS = "blocks"
    COUNT = "a count"  # of parts, trades, closes
    MOMENT = "Unix seconds"


@dataclass(frozen=True, slots=True)
class SaidNumber:
    """`values`: what it can mean, the likeliest first, in its measure."""

    values: tuple[Decimal, ...]
    measure: Measure
    start: int
    end: int
    coin: Symbol = NO_COIN  # of COINS; empty: 'of it'
    idle: bool = False  # it may stand there without meaning anything: 'once', 'the two'
    repeated: bool = False  # an interval: 'every 2 hours', 'daily', 'twice a day'


@dataclass(frozen=True, slots=True)
class SaidCoin:
    symbol: Symbol
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Said:
    numbers: tuple[SaidNumber, ...]
    coins: tuple[SaidCoin, ...]


def said(text: str, tokens: Collection[Symbol] = TOKENS, quote: Symbol = QUOTE) -> Said:
    """`tokens`: the network's symbols, the quote token among them."""
    return _Scanner(text, tokens, quote).scan()


_TOKEN = re.compile(
    MOMENT + r"|(?:[01]?\d|2[0-3]):[0-5]\d(?!\d)|\d+(?:[.,'\u2019]\d+)*|\.\d+|[A-Za-z]+(?:['\u2019][a-z]+)?|\S"
)


class _Scanner:
    def __init__(self, text: str, tokens: Collection[Symbol], quote: Symbol) -> None:
        self._tokens = [Token(found.group(), found.start(), found.end()) for found in _TOKEN.finditer(text)]
        self._numbers = Numbers(text, self._tokens)
        self._word = self._numbers.word
        self._symbols, self._quote, self._shouted = tokens, quote, text.isupper()

    def scan(self) -> Said:
        numbers: list[SaidNumber] = []
        coins: list[SaidCoin] = []
        index = 0
        while index < len(self._tokens):
            number, last = self._number(index)
            if number is not None:
                numbers.append(number)
            for at in range(index, last):
                token = self._tokens[at]
                if token.text != "$" and (symbol := self._coin(at)) is not None:
                    coins.append(SaidCoin(symbol, token.start, token.end))
            index = last
        return Said(tuple(numbers), tuple(coins))

    def _coin(self, index: int) -> Symbol | None:
        if not 0 <= index < len(self._tokens):
            return None
        return coin_named(self._tokens[index].text, self._symbols, self._quote, shouted=self._shouted)

    # ------------------------------------------------------------ one number

    def _number(self, index: int) -> tuple[SaidNumber | None, int]:
        """The number that begins here, and the index of the first token after it."""
        word = self._word(index)
        if re.fullmatch(MOMENT, word):
            moment = read_moment(word)
            found = None if moment is None else self._said((Decimal(moment),), Measure.MOMENT, index, index + 1)
            return found, index + 1
        if ":" in word[1:]:
            # A time of day: no order has one, so it is left out of any, and said to be.
            return self._said((Decimal(0),), Measure.MOMENT, index, index + 1), index + 1
        if (interval := self._interval(index)) is not None:
            return interval
        if word in FACTORS:
            return self._said((Decimal(FACTORS[word]),), Measure.COUNT, index, index + 1, idle=True), index + 1
        if (written := self._numbers.at(index)) is None:
            return None, index + 1
        if self._is_name(index, written):
            return None, written.last
        number, last = self._measured(index, written)
        if number is not None and self._word(index - 1) in EVERY:
            number = replace(number, repeated=number.measure in (Measure.SECONDS, Measure.BLOCKS))
        return self._longer(number, last)

    def _is_name(self, index: int, written: Written) -> bool:
        """Digits that are part of a word: V3, ERC20, 2nd, 24/7."""
        before, after = self._word(index - 1), self._word(written.last)
        if self._numbers.adjacent(index) and before.isalpha() and before not in INDICATORS | MONEY_SIGNS:
            return self._coin(index - 1) is None
        return self._numbers.adjacent(written.last) and after in ("st", "nd", "rd", "th")

    def _measured(self, index: int, written: Written) -> tuple[SaidNumber | None, int]:
        values, last = written.values, written.last
        if (self._word(last), self._word(last + 1)) == ("/", "7"):
            return None, last + 2
        unit = last + (self._word(last) == "-" and self._numbers.adjacent(last))
        word = self._word(unit)
        small = written.fraction and not written.digits
        if small and (found := self._fraction_of(index, written)) is not None:
            return found
        if word in PERCENT or (word, self._word(unit + 1)) == ("per", "cent"):
            end = unit + (1 if word in PERCENT else 2)
            end += self._word(end) in POINTS
            return self._said(_each(values, 100), Measure.RATIO, index, end), end
        if word in ("bps", "bp") or (word, self._word(unit + 1)) == ("basis", "points"):
            end = unit + (1 if word != "basis" else 2)
            return self._said(_each(values, 10_000), Measure.RATIO, index, end), end
        if word in POINTS:
            return self._said(_each(values, 100), Measure.RATIO, index, unit + 1), unit + 1
        if (frequency := self._frequency(index, values[0], unit)) is not None:
            return frequency
        if (found := self._timed(index, written, unit)) is not None:
            return found
        if word in COUNTED and not (word in ("x", "\u00d7") and not self._numbers.adjacent(unit)):
            idle = self._word(index) == "one" or self._word(index - 1) in ("never", "no", "not")
            return self._said(values, Measure.COUNT, index, unit + 1, idle=idle), unit + 1
        if word == "gwei":
            return self._said(values, Measure.GWEI, index, unit + 1), unit + 1
        return self._amount(index, written, unit)

    def _amount(self, index: int, written: Written, unit: int) -> tuple[SaidNumber | None, int]:
        """Of a coin or of the quote token; else a bare number."""
        values, last = written.values, written.last
        before, word = self._word(index - 1), self._word(unit)
        paired = before == "/" or word == "/" or (before == ":" and self._numbers.adjacent(index))
        if (self._word(index), word) == ("one", "worth"):
            return None, last
        if before in MONEY_SIGNS or word in QUOTE_NAMES or word == "worth":
            end = last if before in MONEY_SIGNS and word not in QUOTE_NAMES else unit + 1
            return self._said(values, Measure.QUOTE, index, end), end
        if word in SATOSHI:
            values = tuple(value.scaleb(-8) for value in values)
        of = unit + (word == "of")
        while self._word(of) in (OWN if word == "of" else MORE):
            of += 1
        if not paired and not written.fraction and (coin := self._coin(of)) not in (None, self._quote):
            if word != "of":
                return self._said(values, Measure.COINS, index, of + 1, coin=coin or NO_COIN), of + 1
            if of > unit + 1:  # of my ether: coins, or a sum in quote tokens
                return self._said(values, Measure.BARE, index, of + 1, coin=coin or NO_COIN), of + 1
        if written.fraction:
            return self._said(values, Measure.RATIO, index, last), last
        if self._word(unit) == "of" and self._word(unit + 1) in ("it", "them", "those") and values[0] < 100:
            return self._said(values, Measure.COINS, index, unit + 2), unit + 2
        if last == index + 1 and self._word(index) == "one":
            return None, last  # a pronoun
        idle = self._word(index) in SMALL and values[0] <= 3
        return self._said(values, Measure.BARE, index, last, idle=idle), last

    def _fraction_of(self, index: int, written: Written) -> tuple[SaidNumber | None, int] | None:
        """half an ether, a quarter of an hour, half a percent"""
        at = written.last + (self._word(written.last) == "of")
        whole = self._word(at) in ("a", "an", "one")
        at += whole + (self._word(at + whole) == "wrapped")
        if (seconds := SINGULAR.get(self._word(at))) is not None:
            values = tuple(value * seconds for value in written.values)
            return self._said(values, Measure.SECONDS, index, at + 1), at + 1
        if whole and (self._word(at) in PERCENT or self._word(at) in POINTS):
            return self._said(_each(written.values, 100), Measure.RATIO, index, at + 1), at + 1
        if whole and (coin := self._coin(at)) is not None and self._word(at) in {**NAMES, coin.lower(): coin}:
            return self._said(written.values, Measure.COINS, index, at + 1, coin=coin), at + 1
        return None

    # ------------------------------------------------------------ times

    def _timed(self, index: int, written: Written, unit: int) -> tuple[SaidNumber | None, int] | None:
        word = self._word(unit)
        if word in ("block", "blocks"):
            return self._said(written.values, Measure.BLOCKS, index, unit + 1), unit + 1
        if word not in SECONDS or (word in SHORT_UNITS and not (self._numbers.adjacent(unit) or word in ("h", "d"))):
            return None
        if word == "m" and (self._word(unit + 1) in QUOTE_NAMES or self._word(index - 1) in MONEY_SIGNS):
            return self._said((written.values[0] * 10**6,), Measure.QUOTE, index, unit + 1), unit + 1
        values = tuple(value * SECONDS[word] for value in written.values)
        return self._said(values, Measure.SECONDS, index, unit + 1), unit + 1

    def _frequency(self, index: int, count: Decimal, unit: int) -> tuple[SaidNumber | None, int] | None:
        """3 times a day: every 8 hours."""
        if self._word(unit) in ("times", "x", "\u00d7") and self._word(unit + 1) in (*EVERY, "a", "an"):
            period = SINGULAR.get(self._word(unit + 2))
            if period is not None and count > 0:
                return self._repeated(Decimal(period) / count, index, unit + 3)
        return None

    def _interval(self, index: int) -> tuple[SaidNumber | None, int] | None:
        """Durations without a number of units: hourly, every other day, twice a week, an hour."""
        word, after = self._word(index), self._word(index + 1)
        if word in ADVERBS:
            return self._repeated(Decimal(ADVERBS[word]), index, index + 1)
        if word in MULTIPLES:
            period = SINGULAR.get(self._word(index + 2)) if after in (*EVERY, "a", "an") else None
            if period is not None:
                return self._repeated(Decimal(period) / MULTIPLES[word], index, index + 3)
            return self._said((Decimal(MULTIPLES[word]),), Measure.COUNT, index, index + 1, idle=True), index + 1
        if word in ("every", "each") and after in ("other", "second") and self._word(index + 2) in SINGULAR:
            return self._repeated(Decimal(2 * SINGULAR[self._word(index + 2)]), index, index + 3)
        if word in EVERY and after == "half" and self._word(index + 2) in ("hour", "day"):
            return self._repeated(Decimal(SINGULAR[self._word(index + 2)]) / 2, index, index + 3)
        if word in (*EVERY, *SPAN, "a", "an", "one") and (after in SINGULAR or (word in SPAN and after in SHORT_UNITS)):
            said_number = self._said((Decimal(SECONDS[after]),), Measure.SECONDS, index, index + 2)
            return self._longer(replace(said_number, repeated=word in EVERY), index + 2)
        if word in EVERY and after == "block":
            return self._said((Decimal(1),), Measure.BLOCKS, index, index + 2, repeated=True), index + 2
        if word.startswith("yesterday") or (word == "day" and self._word(index - 1) == "the"):
            return self._said((Decimal(DAY),), Measure.SECONDS, index, index + 1, idle=True), index + 1
        return None

    def _longer(self, number: SaidNumber | None, last: int) -> tuple[SaidNumber | None, int]:
        """1 hour 30 minutes; an hour and a half"""
        if number is None or number.measure is not Measure.SECONDS:
            return number, last
        at = last + (self._word(last) == "and")
        if self._word(at) == "a" and self._word(at + 1) == "half" and at > last:
            unit = SECONDS.get(self._word(last - 1), 0)
            return replace(number, values=(number.values[0] + unit // 2,), end=self._end(at + 2)), at + 2
        if (written := self._numbers.at(at)) is None or (more := self._timed(at, written, written.last)) is None:
            return number, last
        rest, end = more
        if rest is None or rest.measure is not Measure.SECONDS or rest.values[0] >= number.values[0]:
            return number, last
        return replace(number, values=(number.values[0] + rest.values[0],), end=rest.end), end

    def _repeated(self, seconds: Decimal, first: int, last: int) -> tuple[SaidNumber, int]:
        return self._said((seconds,), Measure.SECONDS, first, last, repeated=True), last

    def _said(
        self,
        values: tuple[Decimal, ...],
        measure: Measure,
        first: int,
        last: int,
        *,
        coin: Symbol = NO_COIN,
        idle: bool = False,
        repeated: bool = False,
    ) -> SaidNumber:
        start, end = self._tokens[first].start, self._end(last)
        return SaidNumber(values, measure, start, end, coin, idle, repeated)

    def _end(self, last: int) -> int:
        return self._tokens[last - 1].end


def _each(values: tuple[Decimal, ...], parts: int) -> tuple[Decimal, ...]:
    return tuple(value / parts for value in values)
