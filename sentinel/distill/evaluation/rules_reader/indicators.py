"""Conditions on indicators: RSI, rows of closes, breakouts, ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentinel.distill.evaluation.rules_reader.phrases import ABOVE, BELOW, BLOCK, FALLS, LEVEL, MEAN, MINUTE, RISES
from sentinel.distill.evaluation.rules_reader.segment import Segment
from sentinel.orders.typed.conditions import ClosesBeyond, Compare, Condition, Op, Streak
from sentinel.orders.typed.expressions import NUMBER, QUOTE, Constant, Price, Scaled, Statistic, Sum, Window


def rsi(words: Segment) -> Iterator[Condition]:
    period, bar = 14, MINUTE
    while found := words.take(
        r"\b(?P<n>N\d+) (?:period )?(?=(?:T\d+ )?rsi\b)|(?<=\brsi) (?:, )?(?P<m>N\d+)(?: ,)?(?=[^.;]*N\d)"
    ):
        period = int(words.number(found["n"] or found["m"]))
    if found := words.take(
        r"\b(?P<t>T\d+) (?=rsi\b)|(?<=\brsi) (?:on|over|of) (?:the )?(?P<u>T\d+)(?: (?:chart|bars"
        r"|candles|closes))?"
    ):
        bar = int(words.number(found["t"] or found["u"]))
    pattern = (
        rf"\b(?:(?:the |its |its own )?(?:relative strength(?: index)?|rsi)\b(?: \w+){{0,5}}?|it(?: \w+){{0,3}}?|"
        rf"(?:and|or|,)(?: \w+){{0,2}}?) "
        rf"(?P<eq>at or )?(?:(?P<below>{BELOW}|{FALLS}(?: to| below| under)|oversold)|(?P<above>{ABOVE}|{RISES}(?: to"
        rf"| above| over)|at least|overbought))"
        rf"(?P<eq2> or at| or equal to)? (?P<level>N\d+)(?: or (?P<suffix>lower|less|below|under|higher|more|above"
        rf"|over))?"
    )
    if not re.search(r"\brsi\b|relative strength index", words.scanned.text):
        return
    if not re.search(r"\brsi\b|relative strength", words.text) and not re.search(r"\bit\b", words.text):
        return
    while (at := words.search(pattern)) is not None:
        level = words.number(at["level"])
        if not 0 < level < 100:
            return
        coin = words.coin_before(at.start())
        words.take(pattern)
        exact = bool(at["eq"] or at["eq2"] or at["suffix"] or re.search(r" to$|at least", at["below"] or at["above"]))
        op = (Op.AT_MOST if exact else Op.BELOW) if at["below"] else (Op.AT_LEAST if exact else Op.ABOVE)
        yield Compare(Window(Statistic.RSI, coin, period, bar), op, Constant(level, NUMBER))


def streaks(words: Segment) -> Iterator[Condition]:
    closes = r"(?:closes|candles|blocks|bars|minutes|ticks|times|steps)"
    up = r"(?:rising|green|up|higher|risen|rises?|gains?|climbs?|increas\w+|positive|higher closes)"
    down = r"(?:falling|red|down|lower|fallen|falls?|drops?|declin\w+|negative|lower closes)"
    count = r"(?P<n>[NT]\d+)"
    for pattern in (
        rf"\b{count} (?:(?P<up>{up})|(?P<down>{down})) (?P<unit>T\d+ )?(?:{closes} )*(?:in a row|straight"
        rf"|consecutive\w*|running|on the trot)",
        rf"\b{count} (?:consecutive|straight|successive) (?:(?P<up>{up})|(?P<down>{down}))(?: {closes})*",
        rf"\b(?:(?P<up>{up})|(?P<down>{down})) (?:for |on )?{count} (?:{closes} )?(?:in a row|straight|running"
        rf"|consecutively)",
        rf"\b{count} (?:{closes} )?(?:in a row|straight|running) (?:\w+ )?(?:(?P<up>{up})|(?P<down>{down}))",
        rf"\b{count} (?:consecutive |straight )(?:{closes} )(?:\w+ )?(?:(?P<up>{up})|(?P<down>{down}))",
    ):
        if (at := words.search(pattern)) is not None:
            coin = words.coin_before(at.start())
            words.take(pattern)
            number, bar = closes_of(words, at["n"])
            yield Streak(coin, number, bar, bool(at["up"]))
            return
    pattern = (
        rf"\b(?:the )?(?:last |newest )?{count} (?P<bar>T\d+ (?=closes|candles|bars))?(?:{closes} )?(?:of C[A-Z]+ )?"
        rf"(?:(?:are|is|were|all|in a row|came"
        rf"|stay|staying) )*(?:(?P<below>{BELOW})|(?P<above>{ABOVE})) {LEVEL}|\bcloses? (?P<b2>{BELOW}|{ABOVE}) "
        rf"(?P<l2>[MN]\d+) (?P<n2>[NT]\d+) (?:times|closes|blocks)? ?(?:in a row|straight)"
    )
    if (at := words.search(pattern)) is not None and (
        at["n2"] or words.scanned.blocks.get(at["n"]) or re.search(closes, at.group())
    ):
        coin = words.coin_before(at.start())
        words.take(pattern)
        number, bar = closes_of(words, at["n"] or at["n2"])
        bar = int(words.number(at["bar"].strip())) if at["bar"] else bar
        below = bool(at["below"] or (at["b2"] and re.fullmatch(BELOW, at["b2"])))
        level = Constant(words.number(at["level"] or at["l2"]), QUOTE)
        yield ClosesBeyond(coin, number, bar, Op.BELOW if below else Op.ABOVE, level)


def breakouts(words: Segment) -> Iterator[Condition]:
    over = r"(?:of |in |for |over |from )?(?:the |its )?(?:last |past |previous |prior )?"
    for pattern in (
        r"(?:\ba |\ban |\bits |\bthe )?(?:\b(?:new|fresh|latest) )?\b(?P<t>[TN]\d+) (?:block )?(?P<way>high|low)\b",
        rf"\b(?:new|fresh|highest|lowest|the) (?P<way>high|low|price) {over}(?P<t>[T]\d+)",
        rf"\b(?P<way>{ABOVE}|{BELOW}) (?:ALL|everything|anything|all|every close|any close|each close) {over}"
        rf"(?P<t>[TN]\d+)",
        rf"\b(?P<way>{ABOVE}|{BELOW}) (?:the |its )?(?:highest|lowest|high|low) (?:close |price )?{over}(?P<t>[TN]\d+)",
    ):
        if (at := words.search(pattern)) is None or re.search(r"P\d+ \w+ (?:\w+ )?$", words.text[: at.start()]):
            continue
        high = "high" in at.group() or re.fullmatch(ABOVE, at["way"]) is not None
        coin = words.coin_before(at.start())
        words.take(pattern)
        bars, bar = closes_of(words, at["t"])
        statistic = Statistic.HIGHEST if high else Statistic.LOWEST
        yield Compare(Price(coin), Op.ABOVE if high else Op.BELOW, Window(statistic, coin, bars, bar, earlier=True))
        return
    pattern = (
        rf"\b(?:(?P<above>(?:crosses |breaks |goes |rises |climbs |is )*{ABOVE}(?: above| over)?)|(?P<below>"
        rf"(?:crosses |breaks |goes |falls |drops |is )*{BELOW})) (?:its |the )?(?P<t>[TN]\d+) (?:period |block "
        rf"|simple )?{MEAN}\b"
        rf"|\b(?:(?P<above2>{ABOVE})|(?P<below2>{BELOW})) (?:its |the )?(?:own )?{MEAN} (?:of|over|for) (?:the )?"
        rf"(?:last |past )?(?P<t2>[TN]\d+)"
    )
    if (at := words.search(pattern)) is not None and not re.search(r"P\d+ $", words.text[: at.start()]):
        coin = words.coin_before(at.start())
        words.take(pattern)
        bars, bar = closes_of(words, at["t"] or at["t2"])
        yield Compare(
            Price(coin), Op.ABOVE if at["above"] or at["above2"] else Op.BELOW, Window(Statistic.MEAN, coin, bars, bar)
        )
        return
    pattern = (
        r"\b(?:the )?(?P<end>bottom|lowest|lower|top|highest|upper) (?P<p>P\d+) (?:part )?(?:of |in )?(?:the |its )?"
        r"(?:(?:last )?(?P<t>[TN]\d+) )?(?:trading )?range(?: (?:of|over) (?:the )?(?:last |past )?(?P<t2>[TN]\d+))?"
    )
    while (at := words.search(pattern)) is not None and (at["t"] or at["t2"]):
        coin = words.coin_before(at.start())
        words.take(pattern)
        bars, bar = closes_of(words, at["t"] or at["t2"])
        share = words.number(at["p"])
        low, high_end = (Window(one, coin, bars, bar) for one in (Statistic.LOWEST, Statistic.HIGHEST))
        bottom = at["end"] in ("bottom", "lowest", "lower")
        near = 1 - share if bottom else share
        level = Sum(Scaled(near, low), Scaled(1 - near, high_end))
        yield Compare(Price(coin), Op.AT_MOST if bottom else Op.AT_LEAST, level)


def closes_of(words: Segment, token: str) -> tuple[int, int]:
    """A number of closes and the seconds between them."""
    if token in words.scanned.blocks:
        return words.scanned.blocks[token], BLOCK
    if token.startswith("T"):
        return int(words.number(token) / MINUTE), MINUTE
    return int(words.number(token)), BLOCK
