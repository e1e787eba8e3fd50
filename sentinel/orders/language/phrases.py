"""A cursor over the words of a reading, and the phrases that many sentences share."""

from __future__ import annotations

import functools
import re
from decimal import Decimal
from typing import NoReturn

from sentinel.core.network import Symbol
from sentinel.orders.language.words import NUMBER, TIME, UNITS, read_number
from sentinel.orders.typed.expressions import Best, Coin, FirstHeld, Largest

SYMBOL = r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*"
_TOKEN = re.compile(rf'"[^"]*"|{TIME}|\d+-(?:second|minute|hour|day)\b|{NUMBER}%?|{SYMBOL}|[^\s]')
_EACH = re.compile(r"(\d+)-([a-z]+)")
_SHOWN = 40  # characters of the text in a message
MAX_DEPTH = 32


@functools.cache
def _words(phrase: str) -> list[str]:
    return phrase.lower().split()


class Unread(Exception):
    """The words are not what can stand there."""


class Phrases:
    def __init__(self, text: str, quote: Symbol) -> None:
        self.quote = quote
        self._text = text
        self._tokens = list(_TOKEN.finditer(text))
        self._words = [token.group().lower() for token in self._tokens]
        self._at = 0
        self._depth = 0

    # ------------------------------------------------------------ the cursor

    @property
    def ended(self) -> bool:
        return self._at == len(self._tokens)

    def peek(self, ahead: int = 0) -> str:
        """The token that comes, empty at the end."""
        index = self._at + ahead
        return self._tokens[index].group() if index < len(self._tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self._at += 1
        return token

    def sees(self, phrase: str) -> bool:
        """Whether these words come next."""
        words = _words(phrase)
        return self._words[self._at : self._at + len(words)] == words

    def take(self, phrase: str) -> bool:
        """Step over these words if they come next."""
        if not self.sees(phrase):
            return False
        self._at += len(_words(phrase))
        return True

    def expect(self, phrase: str) -> None:
        if not self.take(phrase):
            self.fail(f"'{phrase}' is expected")

    def fail(self, why: str) -> NoReturn:
        """Raises Unread, with the place in the text."""
        if self._at >= len(self._tokens):
            raise Unread(f"at the end: {why}")
        start = self._tokens[self._at].start()
        rest = " ".join(self._text[start : start + _SHOWN].split())
        raise Unread(f"at '{rest}': {why}")

    def nested(self) -> None:
        """Raises Unread if parentheses go too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.fail("too many parentheses")

    # ------------------------------------------------------------ shared phrases

    def number(self) -> Decimal:
        if not re.fullmatch(NUMBER, self.peek()):
            self.fail("a number is expected")
        return read_number(self.next())

    def whole(self) -> int:
        value = self.number()
        if value != int(value):
            self.fail("a whole number is expected")
        return int(value)

    def share(self) -> Decimal:
        """5% -> 0.05"""
        if not re.fullmatch(NUMBER + "%", self.peek()):
            self.fail("a percentage is expected")
        return read_number(self.next()[:-1]) / 100

    def symbol(self) -> Symbol:
        if not re.fullmatch(SYMBOL, self.peek()):
            self.fail("a coin is expected")
        return Symbol(self.next())

    def symbols(self) -> tuple[Symbol, ...]:
        """WETH/WBTC"""
        found = [self.symbol()]
        while self.take("/"):
            found.append(self.symbol())
        return tuple(found)

    def quoted(self) -> str:
        """it looks shaky, of '"it looks shaky"'."""
        if not re.fullmatch(r'"[^"]+"', self.peek()):
            self.fail('words in double quotes are expected, such as "it looks shaky"')
        return self.next()[1:-1]

    def worth(self) -> Decimal:
        """500 USDC, of the quote token."""
        amount = self.number()
        self.expect(self.quote)
        return amount

    def duration(self) -> int:
        """Seconds of '5 minutes'."""
        count, unit = self.whole(), self.peek().lower().removesuffix("s")
        if unit not in UNITS:
            self.fail(f"a unit of time is expected: {', '.join(UNITS)}")
        self._at += 1
        return count * UNITS[unit]

    def each(self) -> int:
        """Seconds of '5-minute'."""
        if (found := _EACH.fullmatch(self.peek())) is None:
            self.fail("the length of a bar is expected, for example 1-minute")
        self._at += 1
        return int(found[1]) * UNITS[found[2]]

    def coin(self) -> Coin:
        if self.take("the largest of"):
            return Largest(self.symbols())
        if self.take("the first held of"):
            return FirstHeld(self.symbols())
        if self.take("the best of"):
            coins = self.symbols()
            self.expect("in")
            return Best(coins, self.duration())
        return self.symbol()
