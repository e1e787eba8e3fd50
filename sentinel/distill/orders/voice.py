"""How one operator writes numbers, money, coins and times: drawn for each order, and kept to within it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sentinel.distill.orders.number_words import fraction_words, in_words
from sentinel.distill.orders.quantities import DAY, HOUR, MINUTE, OTHER_COINS, Scope
from sentinel.orders.language.words import time

_NAMES = {
    "WETH": (*("eth", "ETH", "ether") * 3, "WETH", "WETH", "weth", "Ether", "ethereum", "Eth", "wrapped ether"),
    "WBTC": (*("btc", "BTC", "bitcoin") * 3, "WBTC", "WBTC", "wbtc", "Bitcoin", "Btc", "wrapped bitcoin"),
}
_CASH = ("usdc", "usdc", "USDC", "USDC", "cash", "dollars", "stables", "stablecoins")
_UNITS = {DAY: "day", HOUR: "hour", MINUTE: "minute"}
_SHORT = {"day": ("d", "days"), "hour": ("h", "hrs"), "minute": ("min", "mins")}
_TWICE = {12 * HOUR: "twice a day", 8 * HOUR: "three times a day", 6 * HOUR: "four times a day"}
_TWICE |= {30 * MINUTE: "twice an hour", 15 * MINUTE: "four times an hour", 2 * DAY: "every other day"}
_TWICE |= {2 * HOUR: "every other hour", 20 * MINUTE: "three times an hour"}


@dataclass(slots=True)
class Voice:
    """Tastes of one operator."""

    rng: random.Random
    names: dict[str, str]
    cash: str
    money: str  # with {} for the number
    thousands: str  # "k", ",", "" or " "
    percent: str
    words: float  # how likely a number that has usual words is written in words

    @classmethod
    def drawn(cls, rng: random.Random) -> Voice:
        money = ("${}", "${}", "${}", "{} usdc", "{} USDC", "{} bucks", "{} dollars", "{}$", "{} USDC", "{} usd")
        return cls(
            rng,
            {coin: rng.choice(names) for coin, names in _NAMES.items()},
            rng.choice(_CASH),
            rng.choice(money),
            rng.choice((",", ",", ",", "", "", "", "k", "k", "k", " ")),
            rng.choice(("%", "%", "%", "%", "%", " %", " percent", "pct", " per cent")),
            rng.choice((0, 0, 0, 0, 0, 0.1, 0.3, 0.9)),
        )

    # ------------------------------------------------------------ numbers

    def number(self, value: Decimal) -> str:
        """2300 as '2300', '2,300', '2.3k' or in words."""
        if self.rng.random() < self.words and (words := in_words(value)) and not words.endswith(" a"):
            return words
        return self.digits(value)

    def digits(self, value: Decimal) -> str:
        if value < 1_000:
            text = _plain(value)
            return text[1:] if text.startswith("0.") and self.rng.random() < 0.12 else text
        style = self.thousands if self.rng.random() < 0.85 else self.rng.choice((",", "", "k"))
        if value < 20_000 and value % 100 == 0 and value % 1_000 and self.rng.random() < 0.015:
            return f"{value / 100:f} hundred"
        if style == "k":
            count = value / 1_000
            if value % 1_000 == 0 and self.rng.random() < 0.08:
                return f"{_plain(count)} grand"
            if len(_plain(count).replace(".", "")) <= 3 or value % 500 == 0:
                return f"{_plain(count)}k"
            style = ""
        if style == " ":
            return f"{value:,f}".replace(",", " ") if value >= 10_000 and value == int(value) else _plain(value)
        return _trimmed(f"{value:,f}") if style == "," else _plain(value)

    def percentage(self, value: Decimal) -> str:
        """5 as '5%', 'five percent', '500 bps'."""
        if value == Decimal("0.5") and self.words > 0.2:
            return "half a percent"
        if self.rng.random() < self.words and (words := in_words(value)) and not words.endswith(" a"):
            return f"{words} percent"
        if value < 3 and self.rng.random() < 0.1:
            return f"{_plain(value * 100)} bps"
        return _plain(value) + self.percent

    def dollars(self, value: Decimal) -> str:
        number = self.digits(value) if self.money in ("${}", "{}$") else self.number(value)
        if number.endswith(("grand", "thousand", "hundred")):
            return number if number.endswith("grand") else f"{number} {self.rng.choice(('dollars', 'bucks'))}"
        style = self.rng.choice(("${}", "{} USDC", "{} dollars")) if self.rng.random() < 0.12 else self.money
        if "$" in style and number[-1].isalpha() and not number.endswith("k"):
            style = "{} dollars"  # a number in words
        return style.format(number)

    # ------------------------------------------------------------ coins

    def coin(self, symbol: str) -> str:
        return self.names[symbol] if self.rng.random() < 0.9 else self.rng.choice(_NAMES[symbol])

    def coins(self, value: Decimal, symbol: str) -> str:
        """'0.5 eth', 'a quarter of a bitcoin', 'two ether'."""
        name = self.coin(symbol)
        if self.words and self.rng.random() < self.words + 0.2 and (part := fraction_words(value)) and part != "half":
            return f"{part} of {_article(name)} {name}"
        if self.words and self.rng.random() < self.words and (words := in_words(value)):
            return f"half {_article(name)} {name}" if words == "half a" else f"{words} {name}"
        return f"{self.digits(value)} {name}"

    # ------------------------------------------------------------ times

    def span(self, seconds: int, *, blocks: bool) -> str:
        """'an hour', '90 minutes', '300 blocks'."""
        if blocks:
            return f"{self.digits(Decimal(seconds // 12))} blocks"
        count, unit = self._in_unit(seconds)
        if count == 1 and unit != "minute" and self.rng.random() < 0.6:
            return "an hour" if unit == "hour" else "a day"
        if seconds == 30 * MINUTE and self.rng.random() < 0.25:
            return "half an hour"
        if seconds == 7 * DAY and self.rng.random() < 0.6:
            return self.rng.choice(("a week", "one week", "7 days", "1 week"))
        if self.rng.random() < 0.2:
            short, long = _SHORT[unit]
            return f"{count}{short}" if self.rng.random() < 0.6 else f"{count} {short if count == 1 else long}"
        number = in_words(Decimal(count)) if count <= 12 and self.rng.random() < 0.25 else None
        return f"{number or count} {unit}{'' if count == 1 else 's'}"

    def every(self, seconds: int, *, blocks: bool) -> str:
        """'every hour', 'hourly', 'twice a day', 'every 300 blocks'."""
        if not blocks:
            if seconds in _TWICE and self.rng.random() < 0.4:
                return _TWICE[seconds]
            if seconds in (HOUR, DAY, 7 * DAY):
                unit, adverb = {HOUR: ("hour", "hourly"), DAY: ("day", "daily"), 7 * DAY: ("week", "weekly")}[seconds]
                return self.rng.choice(
                    (f"every {unit}", f"every {unit}", adverb, f"each {unit}", f"once {_article(unit)} {unit}")
                )
        lead = self.rng.choice(("every", "every", "every", "every", "each", "once every"))
        return f"{lead} {self._bare(self.span(seconds, blocks=blocks))}"

    @staticmethod
    def _bare(span: str) -> str:
        return span.removeprefix("an ").removeprefix("a ").removeprefix("one ").removeprefix("1 ")

    def _in_unit(self, seconds: int) -> tuple[int, str]:
        length = next(length for length in _UNITS if seconds % length == 0)
        if length == DAY and self.rng.random() < 0.25 and seconds < 4 * DAY:
            length = HOUR
        elif length == HOUR and self.rng.random() < 0.15 and seconds <= 2 * HOUR:
            length = MINUTE
        return seconds // length, _UNITS[length]


def _plain(value: Decimal) -> str:
    return _trimmed(f"{value:f}")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _article(name: str) -> str:
    return "an" if name[0].lower() in "aeoh" and name.lower() not in ("half",) else "a"


# ------------------------------------------------------------ a value in a form

Form = Callable[[Voice, Scope, str], str]


def _seconds(how: Callable[..., str]) -> Form:
    def say(voice: Voice, scope: Scope, name: str) -> str:
        value = int(scope.value(name))
        return how(voice, value, blocks=f"{name}_blocks" in scope.values)

    return say


def _of_number(how: Callable[[Voice, Decimal], str]) -> Form:
    return lambda voice, scope, name: how(voice, scope.value(name))


def _bare_money(voice: Voice, value: Decimal) -> str:
    return voice.number(value) if voice.rng.random() < 0.25 else voice.dollars(value)


def _price(voice: Voice, value: Decimal) -> str:
    """A price of a coin: mostly a bare number."""
    pick = voice.rng.random()
    if pick < 0.55:
        return voice.number(value)
    if voice.words < 0.5 and voice.thousands == "," and value >= 1_000 and value == int(value) and pick < 0.57:
        return f"{value:,f}".replace(",", ".")
    digits = voice.digits(value)
    return "$" + digits if pick < 0.8 and not digits.endswith(("grand", "hundred")) else voice.dollars(value)


def _points(voice: Voice, value: Decimal) -> str:
    unit = voice.rng.choice(("%", "%", " points", " percentage points", "pp", " pts", " percent"))
    if unit == " points" and value == 1:
        return "one point"
    words = in_words(value) if voice.words > 0.2 and unit.startswith(" ") else None
    return f"{words if words and not words.endswith(' a') else _plain(value)}{unit}"


def _share(voice: Voice, value: Decimal) -> str:
    """'half', '30%'"""
    part = fraction_words(value / 100)
    if part and voice.rng.random() < 0.6:
        return part.replace("a ", "one ") if part[:2] == "a " and voice.rng.random() < 0.2 else part
    return voice.percentage(value)


def _part(voice: Voice, value: Decimal) -> str:
    """'tenth', '30%'"""
    part = fraction_words(value / 100)
    return part.removeprefix("a ") if part and part.startswith("a ") else voice.percentage(value)


def _share_of(voice: Voice, value: Decimal) -> str:
    """'half my', 'a quarter of my', '30% of the'"""
    said, owner = _share(voice, value), voice.rng.choice(("my", "my", "the"))
    if said == "half" and owner == "my" and voice.rng.random() < 0.6:
        return "half my"
    return f"{said} of {owner}"


def _gwei(voice: Voice, value: Decimal) -> str:
    number, unit = voice.number(value), voice.rng.choice((" gwei", " gwei", "gwei", " Gwei", ""))
    return f"{number}{unit if number[-1].isdigit() else unit.replace('gwei', ' gwei').replace('  ', ' ')}"


def _date(voice: Voice, scope: Scope, name: str) -> str:
    seconds = int(scope.value(name))
    moment = datetime.fromtimestamp(seconds, UTC)
    styles: Sequence[str] = (
        time(seconds),
        f"{moment.day} {moment:%B %Y}, {moment:%H:%M} UTC",
        f"{moment:%b} {moment.day} {moment:%Y} {moment:%H:%M} UTC",
        f"{moment:%Y-%m-%d} at {moment:%H:%M} UTC",
    )
    return voice.rng.choice(styles)


_PERCENT = _of_number(Voice.percentage)
_MONEY = _of_number(_bare_money)
_FULL = _of_number(Voice.dollars)
_PRICE = _of_number(_price)
_COUNT = _of_number(lambda voice, value: voice.number(value))

FORMS: dict[str, Form] = {
    **dict.fromkeys(("usd", "more_usd", "reserve", "day_usd", "total", "profit", "loss", "off"), _FULL),
    **{f"{name}.bare": _MONEY for name in ("usd", "more_usd", "reserve", "day_usd", "total", "loss", "off")},
    **dict.fromkeys(("level", "low", "lower", "high", "higher"), _PRICE),
    **dict.fromkeys(
        ("pct", "more_pct", "move", "tiny", "cap", "w", "rest", "v", "last", "edge_low", "edge_high", "zone"), _PERCENT
    ),
    **{f"{name}.bare": _of_number(Voice.digits) for name in ("w", "rest", "v", "last", "edge_low", "edge_high", "cap")},
    **dict.fromkeys(("rsi_low", "rsi_high", "rsi_bars", "count", "times", "parts", "bars"), _COUNT),
    **dict.fromkeys(("span", "period", "gap", "over", "life"), _seconds(Voice.span)),
    **{f"{name}.every": _seconds(Voice.every) for name in ("period", "gap")},
    **{
        f"{name}.in": _seconds(lambda v, s, blocks: v._bare(v.span(s, blocks=blocks)))
        for name in ("over", "life", "gap", "span", "period")
    },
    "band": _of_number(_points),
    "share": _of_number(_share),
    "zone.part": _of_number(_part),
    "share.of": _of_number(_share_of),
    "share.pct": _PERCENT,
    "gwei": _of_number(_gwei),
    "n": lambda voice, scope, name: voice.coins(
        scope.value(name), scope.coin("coin2" if name.endswith("2") else "coin")
    ),
    "date": _date,
    "other": lambda voice, scope, name: OTHER_COINS[int(scope.value(name))],
    "lever": lambda voice, scope, name: f"{_plain(scope.value(name))}x",
    "address": lambda voice, scope, name: f"0x{int(scope.value(name)):040x}",
    "w_over": _PERCENT,
    "cash": lambda voice, scope, name: voice.cash,
    "coin": lambda voice, scope, name: voice.coin(scope.coin(name)),
}


def form(name: str, variant: str | None) -> Form:
    base = name.rstrip("0123456789")
    return FORMS[f"{base}.{variant}" if variant else base]
