"""Conditions on prices, changes and indicators, as people say them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from sentinel.distill.evaluation.rules_reader.segment import Segment
from sentinel.orders.conditions import All, ClosesBeyond, Compare, Condition, Op, Streak
from sentinel.orders.expressions import (
    NUMBER,
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
    Profit,
    Scaled,
    Statistic,
    Sum,
    Window,
)

BLOCK, MINUTE = 12, 60  # seconds
LEVEL = r"(?:the )?(?:price |level |mark |value )?(?:of )?(?P<level>[MN]\d+)(?: (?:level|mark))?"
_BELOW = r"(?:below|under|beneath|underneath|sub|less than|lower than|cheaper than|south of|<)"
_ABOVE = r"(?:above|over|past|more than|higher than|beyond|greater than|north of|exceeds?|clears?|tops?|crosses|breaks|>)"
_FALLS = r"(?:drops?|falls?|dips?|down|comes down|goes down|gets down|sinks?|slides?|slips?|declines?|crashes|tumbles?|retreats?|dives?)"
_RISES = r"(?:rises?|climbs?|up|goes up|gets up|jumps?|rally|rallies|pumps?|rips|runs up|grows?|recovers?)"
_AT = r"(?:at|@|hits?|touch(?:es)?|reach(?:es)?|limit(?: :)?|is|gets to|goes to|prints|sees|:)"
HIGH = r"(?:high(?:est)?(?: point| price| value)?|peak|top|ath|high water mark|maximum)"
ENTRY = (
    r"(?:(?:my |the )?(?:average |avg |mean )?(?:entry|cost|buy(?:ing)?|purchase|buy in)(?: price| basis| point)?"
    r"|(?:what|where) i (?:have )?(?:paid|bought|got in)(?: it| them| in| for it)?(?: at| for)?|i paid|my average(?: price)?|break ?even|average price)"
)
MEAN = r"(?:moving average|average|mean|avg|sma|ma)"
_DOWN = (
    r"below|under|beneath|down|drop\w*|fall\w*|fell|lose[sd]?|loss|lost|losing|lower|less|off|dips?|dipped|declin\w*|sinks?|"
    r"slid\w*|crash\w*|tank\w*|red|cheaper|discount|dump\w*|plung\w*|slip\w*|retreat\w*|pulls? back|gives? back|back|minus|"
    r"underwater|water|weak\w*|STOP|stoploss|dives?|stop"
)
_UP = (
    r"above|over|up|rises?|rose|risen|rising|gain\w*|profit\w*|higher|more|climb\w*|jump\w*|rall\w+|pump\w*|green|plus|"
    r"exceed\w*|grow\w*|grown|increas\w*|ahead|surg\w*|spik\w*|rips?|ripped|moon\w*|TAKE|takeprofit|target"
)
_SIDELESS = r"\b(?:more|less|higher|lower|over|under|above|below) than (?=[PMN]\d)|\bat least\b|\bover (?=P\d)|\bor (?:more|better|so)\b|\b(?:over|in|within|during|for) (?:the )?(?:last |past |previous )?T\d+|\bSELL\b|\bBUY\b|\bup to\b"


def conditions(words: Segment, *, buys: bool) -> list[Condition]:
    """All conditions of the words, which are taken out of them. `buys`: the side of the action that waits for them."""
    found = [*_rsi(words), *_streaks(words), *_breakouts(words), *_trailing(words, buys=buys)]
    found += [*_percent(words, buys=buys), *_money(words), *_levels(words, buys=buys)]
    if any(isinstance(one, Compare) and _high(one) for one in found):
        found = sorted((_armed(one) for one in found), key=lambda one: not _is_gain(one))
    return found


def _is_gain(one: Condition) -> bool:
    return isinstance(one, Compare) and isinstance(one.left, High)


def joined(found: list[Condition]) -> Condition | None:
    if not found:
        return None
    return found[0] if len(found) == 1 else All(tuple(found))


def _high(one: Compare) -> bool:
    return "High(" in repr(one.right) and isinstance(one.left, Price)


def _armed(one: Condition) -> Condition:
    """A gain that a trailing stop waits for is one of the high since entry."""
    match one:
        case Compare(Price(coin), Op.AT_LEAST | Op.ABOVE as op, Scaled(_, Entry()) as level):
            return Compare(High(coin), op, level)
    return one


# ------------------------------------------------------------ indicators


def _rsi(words: Segment) -> Iterator[Condition]:
    period, bar = 14, MINUTE
    if found := words.take(r"\b(?P<n>N\d+) (?:period )?(?=(?:T\d+ )?rsi\b)|(?<=\brsi) (?:, )?(?P<m>N\d+)(?: ,)?(?= (?:\w+ )*(?:N\d|below|under))"):
        period = int(words.number(found["n"] or found["m"]))
    if found := words.take(r"\b(?P<t>T\d+) (?=rsi\b)|(?<=\brsi) (?:on|over|of) (?:the )?(?P<u>T\d+)(?: (?:chart|bars|candles|closes))?"):
        bar = int(words.number(found["t"] or found["u"]))
    pattern = (
        rf"\b(?:(?:the |its |its own )?(?:relative strength(?: index)?|rsi)\b(?: \w+){{0,5}}?|it(?: \w+){{0,3}}?|(?:and|or|,)(?: \w+){{0,2}}?) "
        rf"(?P<eq>at or )?(?:(?P<below>{_BELOW}|{_FALLS}(?: to| below| under)|oversold)|(?P<above>{_ABOVE}|{_RISES}(?: to| above| over)|at least|overbought))"
        rf"(?P<eq2> or at| or equal to)? (?P<level>N\d+)(?: or (?P<suffix>lower|less|below|under|higher|more|above|over))?"
    )
    if not re.search(r"\brsi\b|relative strength", words.scanned.text):
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


def _streaks(words: Segment) -> Iterator[Condition]:
    closes = r"(?:closes|candles|blocks|bars|minutes|ticks|times|steps)"
    up = r"(?:rising|green|up|higher|risen|rises?|gains?|climbs?|increas\w+|positive|higher closes)"
    down = r"(?:falling|red|down|lower|fallen|falls?|drops?|declin\w+|negative|lower closes)"
    count = r"(?P<n>[NT]\d+)"
    for pattern in (
        rf"\b{count} (?:(?P<up>{up})|(?P<down>{down})) (?P<unit>T\d+ )?(?:{closes} )*(?:in a row|straight|consecutive\w*|running|on the trot)",
        rf"\b{count} (?:consecutive|straight|successive) (?:(?P<up>{up})|(?P<down>{down}))(?: {closes})*",
        rf"\b(?:(?P<up>{up})|(?P<down>{down})) (?:for |on )?{count} (?:{closes} )?(?:in a row|straight|running|consecutively)",
        rf"\b{count} (?:{closes} )?(?:in a row|straight|running) (?:\w+ )?(?:(?P<up>{up})|(?P<down>{down}))",
        rf"\b{count} (?:consecutive |straight )(?:{closes} )(?:\w+ )?(?:(?P<up>{up})|(?P<down>{down}))",
    ):
        if (at := words.search(pattern)) is not None:
            coin = words.coin_before(at.start())
            words.take(pattern)
            number, bar = _count(words, at["n"])
            yield Streak(coin, number, bar, bool(at["up"]))
            return
    pattern = rf"\b(?:the )?(?:last |newest )?{count} (?:{closes} )?(?:of C[A-Z]+ )?(?:(?:are|is|were|all|in a row|came|stay|staying) )*(?:(?P<below>{_BELOW})|(?P<above>{_ABOVE})) {LEVEL}|\bcloses? (?P<b2>{_BELOW}|{_ABOVE}) (?P<l2>[MN]\d+) (?P<n2>[NT]\d+) (?:times|closes|blocks)? ?(?:in a row|straight)"
    if (at := words.search(pattern)) is not None and (at["n2"] or words.scanned.blocks.get(at["n"]) or re.search(closes, at.group())):
        coin = words.coin_before(at.start())
        words.take(pattern)
        number, bar = _count(words, at["n"] or at["n2"])
        below = bool(at["below"] or (at["b2"] and re.fullmatch(_BELOW, at["b2"])))
        level = Constant(words.number(at["level"] or at["l2"]), QUOTE)
        yield ClosesBeyond(coin, number, bar, Op.BELOW if below else Op.ABOVE, level)


def _count(words: Segment, token: str) -> tuple[int, int]:
    """A number of closes and the seconds between them."""
    if token in words.scanned.blocks:
        return words.scanned.blocks[token], BLOCK
    if token.startswith("T"):
        return int(words.number(token) / MINUTE), MINUTE
    return int(words.number(token)), BLOCK


def _window(words: Segment, token: str) -> tuple[int, int]:
    return _count(words, token)


def _breakouts(words: Segment) -> Iterator[Condition]:
    over = r"(?:of |in |for |over |from )?(?:the |its )?(?:last |past |previous |prior )?"
    for pattern in (
        rf"(?:\ba |\ban |\bits |\bthe )?(?:\b(?:new|fresh|latest) )?\b(?P<t>[TN]\d+) (?:block )?(?P<way>high|low)\b",
        rf"\b(?:new|fresh|highest|lowest|the) (?P<way>high|low|price) {over}(?P<t>[T]\d+)",
    ):
        if (at := words.search(pattern)) is None or re.search(r"P\d+ \w+ (?:\w+ )?$", words.text[: at.start()]):
            continue
        high = at["way"] == "high" or "highest" in at.group()
        coin = words.coin_before(at.start())
        words.take(pattern)
        bars, bar = _window(words, at["t"])
        statistic = Statistic.HIGHEST if high else Statistic.LOWEST
        yield Compare(Price(coin), Op.ABOVE if high else Op.BELOW, Window(statistic, coin, bars, bar, earlier=True))
        return
    pattern = rf"\b(?:(?P<above>(?:crosses |breaks |goes |rises |climbs |is )*{_ABOVE}(?: above| over)?)|(?P<below>(?:crosses |breaks |goes |falls |drops |is )*{_BELOW})) (?:its |the )?(?P<t>[TN]\d+) (?:period |block |simple )?{MEAN}\b"
    if (at := words.search(pattern)) is not None and not re.search(r"P\d+ $", words.text[: at.start()]):
        coin = words.coin_before(at.start())
        words.take(pattern)
        bars, bar = _window(words, at["t"])
        yield Compare(Price(coin), Op.ABOVE if at["above"] else Op.BELOW, Window(Statistic.MEAN, coin, bars, bar))
        return
    pattern = r"\b(?:the )?(?P<end>bottom|lowest|lower|top|highest|upper) (?P<p>P\d+) (?:part )?(?:of |in )?(?:the |its )?(?:(?:last )?(?P<t>[TN]\d+) )?(?:trading )?range(?: (?:of|over) (?:the )?(?:last |past )?(?P<t2>[TN]\d+))?"
    while (at := words.search(pattern)) is not None and (at["t"] or at["t2"]):
        coin = words.coin_before(at.start())
        words.take(pattern)
        bars, bar = _window(words, at["t"] or at["t2"])
        share = words.number(at["p"])
        low, high_end = (Window(one, coin, bars, bar) for one in (Statistic.LOWEST, Statistic.HIGHEST))
        bottom = at["end"] in ("bottom", "lowest", "lower")
        near = 1 - share if bottom else share
        level = Sum(Scaled(near, low), Scaled(1 - near, high_end))
        yield Compare(Price(coin), Op.AT_MOST if bottom else Op.AT_LEAST, level)


# ------------------------------------------------------------ percentages


def _trailing(words: Segment, *, buys: bool) -> Iterator[Condition]:
    if buys:
        return
    for pattern in (
        r"\b(?P<a>[PM]\d+) (?:wide |percent )?TRAIL(?P<b>)",
        r"\bTRAIL (?:\w+ |: |, ){0,5}?(?P<b>[PMN]\d+)(?P<a>)",
        r"\b(?P<a>[PM]\d+) (?:\w+ ){0,2}?TRAIL(?P<b>)",
        rf"\b(?P<a>[PM]\d+) (?:\w+ ){{0,5}}?(?:{HIGH})\b(?! T\d)(?: since (?:i |my )?\w+)?(?P<b>)",
        rf"\b(?:{HIGH}) (?:\w+ ){{0,6}}?(?P<a>[PM]\d+)(?P<b>)",
    ):
        if (at := words.search(pattern)) is not None:
            coin = words.coin_before(at.start())
            words.take(pattern)
            distance = at["a"] or at["b"]
            strict = bool(re.search(r"more than [PM]\d", at.group())) or words.text[: at.start()].rstrip().endswith("more than")
            op = Op.BELOW if strict else Op.AT_MOST
            if distance.startswith("P"):
                yield Compare(Price(coin), op, Scaled(1 - words.number(distance), High(coin)))
            else:
                yield Compare(Price(coin), op, Difference(High(coin), Constant(words.number(distance), QUOTE)))
            return


def _percent(words: Segment, *, buys: bool) -> Iterator[Condition]:
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
        if window := re.search(rf"(?P<t>[TN]\d+) (?:period |block |simple )?{MEAN}\b|{MEAN} (?:of|over|for|from) (?:the |its )?(?:last |past |previous )?(?P<u>[TN]\d+)", stretch):
            bars, bar = _window(words, window["t"] or window["u"])
            against: Expression = Window(Statistic.MEAN, coin, bars, bar)
            words.take(rf"\b{window['t'] or window['u']}\b")
            yield Compare(Price(coin), op, Scaled(grown, against))
        elif re.search(ENTRY, stretch):
            yield Compare(Price(coin), op, Scaled(grown, Entry(coin)))
        elif ago := _change_window(words, at.start()):
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
    left, right = re.sub(_SIDELESS, "#", before.rstrip() + " P0")[:-2], re.sub(_SIDELESS, "#", after)
    found = [(len(left) - at.end(), at.group()) for at in re.finditer(rf"\b(?:{_DOWN}|{_UP})\b", left)][-1:]
    found += [(at.start(), at.group()) for at in re.finditer(rf"\b(?:{_DOWN}|{_UP})\b", right)][:1]
    if not found:
        return None
    return re.fullmatch(_UP, min(found)[1]) is not None


def _change_window(words: Segment, at: int) -> int | None:
    """Seconds of the time over which a price changed, taken out of the words."""
    found = re.search(r"(?<!for )\b(?P<t>T\d+)\b", words.text[at:]) or re.search(r"(?<!for )\b(?P<t>T\d+)\b", words.text)
    if found is not None:
        words.take(rf"\b{found['t']}\b")
        return int(words.number(found["t"]))
    if words.take(r"\b(?:than|since|from|on|versus|vs) (?:yesterday|the day|the previous day)\b|\b(?:today|intraday|the day)\b"):
        return 86_400
    if found := words.take(r"\b(?:in|over|within) (?:an?|the|1)? ?(?P<r>R\d+)\b|\b(?P<s>R\d+)(?: ago)?\b"):
        return int(words.number(found["r"] or found["s"]))
    return None


# ------------------------------------------------------------ levels


def _money(words: Segment) -> Iterator[Condition]:
    """So many dollars lost or gained on the position."""
    for pattern, sign in (
        (r"\b(?:los(?:es?|ing)|lost|down|loss of|loss is|in the red by|underwater by)(?: me| it)?(?P<more> more than| over)?(?: by| at least)? (?P<m>M\d+)(?! (?:level|mark))", -1),
        (r"\b(?P<m>M\d+)(?: or (?:more))? (?:in the red|loss\b|down\b|under ?water|lost|in loss)(?P<more>)", -1),
        (r"\b(?:gain(?:s|ed)?|profits?(?: on (?:it|C\w+|the position))?(?: of| is| reaches| hits| exceeds)*|made|makes|making|ahead|in the green by|up)(?P<more> more than| over)?(?: by| at least)? (?P<m>M\d+)", 1),
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
    stop, take = words.search(r"\b(?:STOP|stoploss)\b") is not None, words.search(r"\b(?:TAKE|takeprofit)\b") is not None
    at_side = Op.AT_MOST if (buys and not take) or stop else Op.AT_LEAST
    suffix = r"(?: or (?P<suffix>lower|less|below|under|cheaper|better|higher|more|above|over|beyond))?"
    for pattern, op in (
        (rf"\b(?:at|equal to) (?:or )?(?:below|under) {LEVEL}|\b(?:below|under|less than) or (?:at|equal to) {LEVEL.replace('level>', 'level2>')}", Op.AT_MOST),
        (rf"\b(?:at|equal to) (?:or )?(?:above|over) {LEVEL}|\b(?:above|over|more than) or (?:at|equal to) {LEVEL.replace('level>', 'level2>')}", Op.AT_LEAST),
        (rf"\b(?:not above|no (?:higher|more) than|at most|not (?:higher|more) than|max(?:imum)?|up to|<=) {LEVEL}", Op.AT_MOST),
        (rf"\b(?:not below|no (?:lower|less) than|at least|not (?:lower|less) than|min(?:imum)?|>=|=>) {LEVEL}", Op.AT_LEAST),
        (rf"(?:\b|(?<= )){_BELOW} {LEVEL}{suffix}", Op.BELOW),
        (rf"(?:\b|(?<= )){_ABOVE} {LEVEL}{suffix}", Op.ABOVE),
        (rf"\b{_FALLS} (?:back )?(?:down )?(?:all the way )?to {LEVEL}{suffix}", Op.AT_MOST),
        (rf"\b{_RISES} (?:back )?(?:up )?(?:all the way )?to {LEVEL}{suffix}", Op.AT_LEAST),
        (rf"\b(?:loses|losing|lost|breaks down|gives up) {LEVEL}", Op.BELOW),
        (rf"(?:\b|(?<= )){_AT} (?:a price of )?{LEVEL}{suffix}", at_side),
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
