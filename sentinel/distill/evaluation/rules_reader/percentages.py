"""Conditions that say a percentage, or a distance from the high."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from sentinel.distill.evaluation.rules_reader.indicators import closes_of
from sentinel.distill.evaluation.rules_reader.phrases import DOWN, ENTRY, HIGH, MEAN, NOW, SIDELESS, UP
from sentinel.distill.evaluation.rules_reader.segment import Segment
from sentinel.orders.typed.conditions import Compare, Condition, Op
from sentinel.orders.typed.expressions import (
    QUOTE,
    RATIO,
    Change,
    Constant,
    Difference,
    Entry,
    Expression,
    High,
    Price,
    PriceWhenSet,
    Scaled,
    Statistic,
    Window,
)


def trailing(words: Segment, *, buys: bool) -> Iterator[Condition]:
    if buys:
        return
    for pattern in (
        r"\b(?P<a>[PM]\d+) (?:wide |percent )?TRAIL(?P<b>)",
        r"\bTRAIL (?:\w+ |: |, ){0,5}?(?P<b>[PMN]\d+)(?P<a>)",
        r"\b(?P<a>[PM]\d+) (?:\w+ ){0,2}?TRAIL(?P<b>)",
        rf"\b(?P<a>[PM]\d+) (?:\w+ ){{0,5}}?(?:{HIGH})\b(?! T\d)(?! (?:\w+ )?(?:of|in|over) (?:the )?(?:last "
        rf"|past )?[TN]\d)(?: since (?:i |my )?\w+)?(?P<b>)",
        rf"\b(?:{HIGH}) (?:\w+ ){{0,6}}?(?P<a>[PM]\d+)(?P<b>)",
    ):
        if (at := words.search(pattern)) is not None:
            coin = words.coin_before(at.start())
            words.take(pattern)
            distance = at["a"] or at["b"]
            strict = bool(re.search(r"(?:more than|over|above) [PM]\d", at.group())) or words.text[
                : at.start()
            ].rstrip().endswith(("more than", "over"))
            op = Op.BELOW if strict else Op.AT_MOST
            if distance.startswith("P"):
                yield Compare(Price(coin), op, Scaled(1 - words.number(distance), High(coin)))
            else:
                yield Compare(Price(coin), op, Difference(High(coin), Constant(words.number(distance), QUOTE)))
            return


def percentages(words: Segment, *, buys: bool) -> Iterator[Condition]:
    while (at := words.search(r"\b(?P<p>P\d+)\b")) is not None:
        share, coin = words.number(at["p"]), words.coin_before(at.start())
        negative, share = share < 0, abs(share)
        before, after = words.text[: at.start()], words.text[at.end() :]
        near = _nearby(before, after)
        up = _is_up(*near)
        if up is None:
            up = not negative if not re.search(r"\b(?:STOP|stoploss)\b", words.text) else False
        strict = bool(re.search(r"(?:more than|over|above|greater than|exceeds|>) $", before))
        op = (Op.ABOVE if strict else Op.AT_LEAST) if up else (Op.BELOW if strict else Op.AT_MOST)
        grown = 1 + share if up else 1 - share
        stretch = " ".join(near)
        if extreme := re.search(
            r"\b(?:(?P<high>highest|high|top|peak)|lowest|low|bottom)(?: \w+)? (?:of|in|over) (?:the )?(?:last |past )?"
            r"(?P<t>[TN]\d+)|\b(?P<t2>T\d+) (?:(?P<high2>high)|low)\b",
            stretch,
        ):
            bars, bar = closes_of(words, extreme["t"] or extreme["t2"])
            end = Window(
                Statistic.HIGHEST if extreme["high"] or extreme["high2"] else Statistic.LOWEST, coin, bars, bar
            )
            words.take(rf"\b{extreme['t'] or extreme['t2']}\b")
            risen = not (extreme["high"] or extreme["high2"])
            op = (Op.ABOVE if strict else Op.AT_LEAST) if risen else (Op.BELOW if strict else Op.AT_MOST)
            yield Compare(Price(coin), op, Scaled(1 + share if risen else 1 - share, end))
        elif window := re.search(
            rf"(?P<t>[TN]\d+) (?:period |block |simple )?{MEAN}\b|{MEAN} (?:of|over|for|from) "
            rf"(?:the |its )?(?:last |past |previous )?(?P<u>[TN]\d+)",
            stretch,
        ):
            bars, bar = closes_of(words, window["t"] or window["u"])
            against: Expression = Window(Statistic.MEAN, coin, bars, bar)
            words.take(rf"\b{window['t'] or window['u']}\b")
            yield Compare(Price(coin), op, Scaled(grown, against))
        elif re.search(NOW, stretch):
            yield Compare(Price(coin), op, Scaled(grown, PriceWhenSet(coin)))
        elif re.search(ENTRY, stretch):
            yield Compare(Price(coin), op, Scaled(grown, Entry(coin)))
        elif ago := _changecloses_of(words, at.start()):
            yield Compare(Change(coin, ago), op, Constant(share if up else -share, RATIO))
        elif words.best is not None:
            yield Compare(Change(words.best, words.best.ago), op, Constant(share if up else -share, RATIO))
        elif (reference := _reference(words.before)) is not None:
            yield _referred(reference, op, grown, share if up else -share)
        elif buys:
            yield Compare(Price(coin), op, Scaled(grown, PriceWhenSet(coin)))
        else:
            yield Compare(Price(coin), op, Scaled(grown, Entry(coin)))
        words.take(rf"\b{at['p']}\b")


def _reference(before: Condition | None) -> Expression | None:
    """What the condition of the action before compared a percentage with."""
    match before:
        case Compare(Change() as change):
            return change
        case Compare(Price(), _, Scaled(_, Window() | Entry() as reference)):
            return reference
    return None


def _referred(reference: Expression, op: Op, grown: Decimal, change: Decimal) -> Condition:
    match reference:
        case Window(coin=coin) | Entry(coin):
            return Compare(Price(coin), op, Scaled(grown, reference))
    return Compare(reference, op, Constant(change, RATIO))


def _nearby(before: str, after: str) -> tuple[str, str]:
    """The words around a number up to the next number of its kind, or the end of the sentence."""
    left = re.split(r"P\d+|[.;]", before)[-1]
    right = re.split(r"P\d+|[.;]", after)[0]
    return left, right


def _is_up(before: str, after: str) -> bool | None:
    """The direction that is said nearest to a number."""
    left, right = re.sub(SIDELESS, "#", before.rstrip() + " P0")[:-2], re.sub(SIDELESS, "#", after)
    found = [(len(left) - at.end(), at.group()) for at in re.finditer(rf"\b(?:{DOWN}|{UP})\b", left)][-1:]
    found += [(at.start(), at.group()) for at in re.finditer(rf"\b(?:{DOWN}|{UP})\b", right)][:1]
    if not found:
        return None
    return re.fullmatch(UP, min(found)[1]) is not None


def _changecloses_of(words: Segment, at: int) -> int | None:
    """Seconds of the time over which a price changed, taken out of the words."""
    found = re.search(r"(?<!for )\b(?P<t>T\d+)\b", words.text[at:]) or re.search(
        r"(?<!for )\b(?P<t>T\d+)\b", words.text
    )
    if found is not None:
        words.take(rf"\b{found['t']}\b")
        return int(words.number(found["t"]))
    if words.take(
        r"\b(?:than|since|from|on|versus|vs) (?:yesterday|the day|the previous day)\b|\b(?:today|intraday"
        r"|the day)\b"
    ):
        return 86_400
    if found := words.take(r"\b(?:in|over|within) (?:an?|the|1)? ?(?P<r>R\d+)\b|\b(?P<s>R\d+)(?: ago)?\b"):
        return int(words.number(found["r"] or found["s"]))
    return None
