"""All conditions of a stretch of words, and those on levels and on profit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from sentinel.distill.evaluation.rules_reader.indicators import breakouts, rsi, streaks
from sentinel.distill.evaluation.rules_reader.percentages import percentages, trailing
from sentinel.distill.evaluation.rules_reader.phrases import ABOVE, AT, BELOW, FALLS, LEVEL, RISES
from sentinel.distill.evaluation.rules_reader.segment import Segment
from sentinel.orders.typed.conditions import All, Compare, Condition, Either, Not, Op
from sentinel.orders.typed.expressions import (
    QUOTE,
    RATIO,
    SECONDS,
    Change,
    Constant,
    Difference,
    Entry,
    Fact,
    High,
    Price,
    Profit,
    Scaled,
    Weight,
)

_OPPOSITE = {Op.BELOW: Op.AT_LEAST, Op.AT_MOST: Op.ABOVE, Op.ABOVE: Op.AT_MOST, Op.AT_LEAST: Op.BELOW}


def conditions(words: Segment, *, buys: bool) -> list[Condition]:
    """All conditions of the words, which are taken out of them. `buys`: the side of the action that waits for them."""
    found: list[Condition] = [*_weight(words), *_delay(words), *_relative(words), *_profitable(words)]
    found += [*rsi(words), *streaks(words), *breakouts(words), *trailing(words, buys=buys)]
    found += [*percentages(words, buys=buys), *_money(words), *_levels(words, buys=buys)]
    if any(isinstance(one, Compare) and _high(one) for one in found):
        found = sorted((_armed(one) for one in found), key=lambda one: not _is_gain(one))
    return found


def _is_gain(one: Condition) -> bool:
    return isinstance(one, Compare) and isinstance(one.left, High)


def joined(found: list[Condition], *, either: bool = False) -> Condition | None:
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    return Either(tuple(found)) if either else All(tuple(found))


def denied(one: Condition) -> Condition:
    """The opposite of a condition."""
    match one:
        case Compare(left, op, right):
            return Compare(left, _OPPOSITE[op], right)
    return Not(one)


def _high(one: Compare) -> bool:
    return "High(" in repr(one.right) and isinstance(one.left, Price)


def _armed(one: Condition) -> Condition:
    """A gain that a trailing stop waits for is one of the high since entry."""
    match one:
        case Compare(Price(coin), Op.AT_LEAST | Op.ABOVE as op, Scaled(_, Entry()) as level):
            return Compare(High(coin), op, level)
    return one


def _weight(words: Segment) -> Iterator[Condition]:
    """The share of a coin in everything."""
    pattern = (
        rf"\b(?P<c>C[A-Z]+)(?:'s)?(?: (?:weight|share|makes up|is|gets|goes|grows|becomes))* (?:(?P<below>{BELOW})"
        rf"|{ABOVE}) "
        r"(?P<p>P\d+)(?: (?:of|in))?(?: (?:the|my))? (?:ALL|everything|total|portfolio|money|holdings|wallet|account)\b"
    )
    while (at := words.take(pattern)) is not None:
        op = Op.BELOW if at["below"] else Op.ABOVE
        yield Compare(Weight((at["c"][1:],)), op, Constant(words.number(at["p"]), RATIO))


def _relative(words: Segment) -> Iterator[Condition]:
    """One coin that did better than another."""
    over = r"(?: or (?:more|better))? (?:in|over|within)(?: the last| the past)? (?P<t>T\d+)"
    for pattern in (
        rf"\b(?P<a>C[A-Z]+) (?:did|does|is|was|has done|went up|gained|has gained|rose) (?P<p>P\d+) (?:better|more"
        rf"|stronger) than (?P<b>C[A-Z]+){over}",
        rf"\b(?P<a>C[A-Z]+) (?:outperforms?|beats?|leads?) (?P<b>C[A-Z]+) by (?P<p>P\d+){over}",
    ):
        if (at := words.take(pattern)) is not None:
            ago = int(words.number(at["t"]))
            ahead = Difference(Change(at["a"][1:], ago), Change(at["b"][1:], ago))
            yield Compare(ahead, Op.AT_LEAST, Constant(words.number(at["p"]), RATIO))


def _profitable(words: Segment) -> Iterator[Condition]:
    """Above or below the entry price, without a number."""
    if (
        at := words.search(
            r"(?<!\d )\b(?:in the green|in profit|in the black|(?:above|over) (?:my |the )?entry"
            r"(?: price)?)\b"
        )
    ) is not None:
        op = Op.ABOVE
    elif (
        at := words.search(
            r"(?<!\d )\b(?:in the red|at a loss|under ?water|(?:below|under) (?:my |the )?entry"
            r"(?: price)?)\b"
        )
    ) is not None:
        op = Op.BELOW
    else:
        return
    if re.search(r"[PM]\d+ (?:or more |\w+ )?$", words.text[: at.start()]) or re.match(
        r" (?:by|of) [PM]", words.text[at.end() :]
    ):
        return
    coin = words.coin_before(at.start())
    words.take(re.escape(at.group()))
    yield Compare(Price(coin), op, Entry(coin))


def _delay(words: Segment) -> Iterator[Condition]:
    """So long after the order was set."""
    at = words.take(
        r"\b(?:in|after) (?P<t>T\d+) (?:from now|from today|from here)\b|^(?:\W|_|then )*after "
        r"(?P<u>T\d+)(?= (?:,|BUY|SELL|SWAP))"
    )
    if at is not None:
        yield Compare(Fact.SINCE_SET, Op.AT_LEAST, Constant(words.number(at["t"] or at["u"]), SECONDS))


def _money(words: Segment) -> Iterator[Condition]:
    """So many dollars lost or gained on the position."""
    for pattern, sign in (
        (
            r"\b(?:max(?:imum)? )?loss(?: on (?:the |my )?(?:C[A-Z]+ )?(?:position|it|C[A-Z]+))?(?: (?:is|of|reaches"
            r"|hits|at))+ "
            r"(?P<m>M\d+)(?P<more>)",
            -1,
        ),
        (
            r"\b(?:los(?:es?|ing)|lost|down|loss of|loss is|in the red by|underwater by)(?: me| it)?(?P<more> more than"
            r"| over)?(?: by| at least)? (?P<m>M\d+)(?! (?:level|mark))",
            -1,
        ),
        (r"\b(?P<m>M\d+)(?: or (?:more))? (?:in the red|loss\b|down\b|under ?water|lost|in loss)(?P<more>)", -1),
        (
            r"\b(?:gain(?:s|ed)?|profits?(?: on (?:it|C\w+|the position))?(?: of| is| reaches| hits| exceeds)*|made"
            r"|makes|making|ahead|in the green by|up)(?P<more> more than| over)?(?: by| at least| of)? (?P<m>M\d+)",
            1,
        ),
        (r"\b(?P<m>M\d+)(?: or (?:more))? (?:in (?:profit|the green)|profit\b|ahead\b|in the black|up\b)(?P<more>)", 1),
    ):
        if (at := words.search(pattern)) is None:
            continue
        if re.search(r"los(?:es|ing) M", at.group()) and not re.search(r"position|on it|on my|money", words.text):
            continue  # losing a level
        coin = words.coin_before(at.start())
        words.take(pattern)
        amount = words.number(at["m"]) * sign
        op = (Op.BELOW if at["more"] else Op.AT_MOST) if sign < 0 else (Op.ABOVE if at["more"] else Op.AT_LEAST)
        yield Compare(Profit(coin), op, Constant(amount, QUOTE))


def _levels(words: Segment, *, buys: bool) -> Iterator[Condition]:
    stop, take = (
        words.search(r"\b(?:STOP|stoploss)\b") is not None,
        words.search(r"\b(?:TAKE|takeprofit)\b") is not None,
    )
    at_side = Op.AT_MOST if (buys and not take) or stop else Op.AT_LEAST
    suffix = r"(?: or (?P<suffix>lower|less|below|under|cheaper|better|higher|more|above|over|beyond))?"
    most = (
        r"not above|no (?:higher|more) than|at most|not (?:higher|more) than|max(?:imum)?"
        r"|(?<!gets )(?<!goes )(?<!back )up to|<="
    )
    least = r"not below|no (?:lower|less) than|at least|not (?:lower|less) than|min(?:imum)?|>=|=>"
    for pattern, op in (
        (rf"\b(?:at|equal to) (?:or )?(?:below|under) {LEVEL}|\b(?:below|under|less than) or (?:at"
        rf"|equal to) {LEVEL.replace('level>', 'level2>')}", Op.AT_MOST),
        (rf"\b(?:at|equal to) (?:or )?(?:above|over) {LEVEL}|\b(?:above|over|more than) or (?:at"
        rf"|equal to) {LEVEL.replace('level>', 'level2>')}", Op.AT_LEAST),
        (rf"\b(?:{most}) {LEVEL}", Op.AT_MOST),
        (rf"\b(?:{least}) {LEVEL}", Op.AT_LEAST),
        (rf"(?:\b|(?<= )){BELOW} {LEVEL}{suffix}", Op.BELOW),
        (rf"(?:\b|(?<= )){ABOVE} {LEVEL}{suffix}", Op.ABOVE),
        (rf"\b{FALLS} (?:back )?(?:down )?(?:all the way )?to {LEVEL}{suffix}", Op.AT_MOST),
        (rf"\b{RISES} (?:back )?(?:up )?(?:all the way )?to {LEVEL}{suffix}", Op.AT_LEAST),
        (rf"\b(?:loses|losing|lost|breaks down|gives up) {LEVEL}", Op.BELOW),
        (rf"(?:\b|(?<= )){AT} (?:a price of )?{LEVEL}{suffix}", at_side),
        (rf"\b(?:STOP|TAKE) (?:loss )?(?:is |at |on |: |@ |, |C\w+ )*{LEVEL}{suffix}", at_side),
    ):  # fmt: skip
        while (at := words.search(pattern)) is not None:
            groups = at.groupdict()
            coin = words.coin_before(at.start())
            words.take(pattern)
            level = Constant(words.number(groups["level"] or groups.get("level2") or ""), QUOTE)
            yield Compare(Price(coin), _with_suffix(op, groups.get("suffix"), at_side), level)


def _with_suffix(op: Op, suffix: str | None, at_side: Op) -> Op:
    if suffix is None:
        return op
    if suffix == "better":
        return at_side
    return Op.AT_MOST if suffix in ("lower", "less", "below", "under", "cheaper") else Op.AT_LEAST


def contradicts(condition: Condition | None) -> bool:
    """Whether levels of one price can never hold together."""
    if not isinstance(condition, All):
        return False
    high: dict[object, Decimal] = {}
    low: dict[object, Decimal] = {}
    for one in condition.of:
        match one:
            case Compare(left, Op.BELOW | Op.AT_MOST, Constant(value)):
                high[left] = min(value, high.get(left, value))
            case Compare(left, Op.ABOVE | Op.AT_LEAST, Constant(value)):
                low[left] = max(value, low.get(left, value))
    return any(low[left] >= high[left] for left in low.keys() & high.keys())
