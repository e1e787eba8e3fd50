"""The limits of an order: gas, reserve, sizes, cooldown, largest shares."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.distill.evaluation.rules_reader.segment import Segment
from sentinel.orders.typed.actions import Action, Trim
from sentinel.orders.typed.conditions import Compare, Op
from sentinel.orders.typed.expressions import GWEI, SECONDS, Constant, Fact

_LEAD = r"(?:, )?(?:(?:but|and|or|also|please|only|just|then) ){0,3}"
_NOT = (
    r"(?:not|never|do not|no|unless|skip|skips|pause|pauses|stay out|avoid|wait|hold off|sit out|hold|except|nothing"
    r"|stop|cease|without)"
)
_IF = (
    r"(?:(?:\b(?P<not>" + _NOT + r")\b (?:(?!gas\b|BUY|SELL|STOP|TAKE|_ |[MNQPTEGF]\d|C[A-Z])[\w']+ ){0,6}?)?"
    r"(?:\b(?:only|while|when|if|whenever|as long as|so long as|provided|that|the|network|and|with|at|any|trade"
    r"|trades|trading|act|where|once|it|do|this|i|want|current) )*)"
)
_GAS = r"gas(?: (?:price|fees?|costs?|gwei))?"
_UNDER = r"below|under|less than|lower than|cheaper than|<"
_OVER = r"above|over|more than|higher than|exceeds?|beyond|past|>|costs more than|goes (?:over|above)"
_MOST = (
    r"at most|no more than|max(?:imum)?(?: of)?|up to|not above|not over|not more than|at or below|at or under|<="
    r"|is fine up to|limit(?: of)?|cap(?:ped)?(?: of| at)?|ceiling(?: of)?|:|is at|at"
)
_LEAST = r"at least|at or above|reaches|hits|>="
_GWEI = r"(?P<g>[GN]\d+)"
_MONEY = r"(?P<m>[MN]\d+)(?: (?:of )?U)?"
_DAY = r"(?:(?:in |within )?(?P<r>R\d+)|(?P<e>E\d+)|today|in total R\d+|on (?:any|one) (?:single )?day)"
DAY = 86_400
_EXEMPT = (
    r"(?: [,;])?(?: (?:but|and))?(?: (?:the|my|all|not for|except for|except))*(?: (?:exits?|stops?|sells?|sales"
    r"|selling|SELL|STOP)"
    r"(?: (?:side|orders|are|is))*(?: (?:excepted|exempt|excluded|ignores?(?: (?:the )?gas)?|whatever the gas"
    r"|at any gas(?: price)?|"
    r"may pay any gas(?: price)?|do not care about gas|does not care about gas)))"
)


@dataclass(slots=True)
class Limits:
    gas: Compare | None = None
    exits_ignore_gas: bool = False
    cooldown: int | None = None  # seconds
    reserve: Decimal | None = None
    max_trade: Decimal | None = None
    min_trade: Decimal | None = None
    max_day: Decimal | None = None
    max_shares: list[tuple[Symbol, Decimal]] = field(default_factory=list)
    trims: list[Action] = field(default_factory=list)

    @property
    def wait(self) -> Compare | None:
        if self.cooldown is None:
            return None
        return Compare(Fact.SINCE_TRADE, Op.AT_LEAST, Constant(Decimal(self.cooldown), SECONDS))


def take_limits(words: Segment) -> Limits:
    """The limits of all the words, which are taken out of them."""
    exempt = words.take(_EXEMPT) is not None
    limits = Limits(gas=_gas(words), exits_ignore_gas=exempt)
    limits.max_day = _day(words)
    limits.max_trade, limits.min_trade = _sizes(words)
    limits.cooldown = _cooldown(words)
    limits.reserve = _reserve(words)
    _shares(words, limits)
    return limits


def _gas(words: Segment) -> Compare | None:
    ending = r"(?: or (?P<suffix>less|lower|below|under|more|higher|above|over))?"
    for pattern in (
        rf"{_LEAD}{_IF}\b{_GAS}(?: (?:to drop|to fall|to get|to be|drops|falls|must|should|has to|have to|be|kept|is"
        rf"|are|was|stays?|remains?|gets|goes|runs"
        rf"|trades|at|sits|costs))*(?: (?:still"
        rf"|currently))? (?:(?P<under>{_UNDER})|(?P<over>{_OVER})|(?P<most>{_MOST})|"
        rf"(?P<least>{_LEAST})) {_GWEI}{ending}",
        rf"{_LEAD}{_IF}\b{_GAS}(?: (?:is|of|stays))* {_GWEI} or (?P<suffix>less|lower|below|under|more|higher|above"
        rf"|over)(?P<under>)(?P<over>)(?P<most>)(?P<least>)",
        rf"{_LEAD}{_IF}(?:(?P<under>{_UNDER})|(?P<over>{_OVER})|(?P<most>{_MOST})|(?P<least>{_LEAST})) (?P<g>G\d+)(?:"
        rf" (?:of |for )?{_GAS})?(?P<suffix>)",
        rf"{_LEAD}(?P<not>)(?:max(?:imum)? |highest )?{_GAS}(?: (?:limit|cap|max(?:imum)?|ceiling))?(?: (?:is|of|at"
        rf"|:))* {_GWEI}(?: (?:max(?:imum)?|tops|at most))?(?P<under>)(?P<over>)(?P<most>)(?P<least>)(?P<suffix>)",
    ):
        at = words.search(pattern)
        if at is None:
            continue
        words.take(pattern)
        negative = bool(at["not"])
        if at["suffix"]:
            high, exact = at["suffix"] in ("more", "higher", "above", "over"), True
        else:
            high, exact = bool(at["over"] or at["least"]), bool(at["most"] or at["least"])
        if not (at["under"] or at["over"] or at["most"] or at["least"] or at["suffix"]):
            high, exact = False, True
        negated = negative or re.search(rf"\b{_NOT}\b", words.scanned.text)
        if high and not negated:
            op = Op.AT_LEAST if exact else Op.ABOVE
        elif high:  # not when it is above
            op = Op.BELOW if exact else Op.AT_MOST
        else:
            op = Op.AT_MOST if exact else Op.BELOW
        return Compare(Fact.GAS_PRICE, op, Constant(words.number(at["g"]), GWEI))
    return None


def _day(words: Segment) -> Decimal | None:
    most = r"(?:never|no|not|at most|max(?:imum)?|up to|limit|cap|budget|ceiling|do not|spend(?:ing)?|total)"
    for pattern in (
        rf"{_LEAD}(?:\bBUY )?\b{most}\b(?: (?!U\b)[\w:]+){{0,6}}? {_MONEY} (?:worth )?(?:(?:spent|total|in total"
        rf"|altogether"
        rf"|of buys|of (?:my )?(?:C\w+|it)|in (?:C\w+|it)) )?{_DAY}",
        rf"{_LEAD}\b(?:E\d+|R\d+) (?:spend(?:ing)? |buy(?:ing)? |BUY )?(?:limit|cap|budget|max(?:imum)?|ceiling)(?: "
        rf"(?:is|of|:|at))* {_MONEY}(?P<r>)(?P<e>)",
        rf"{_LEAD}\b{_MONEY} (?:a |per )?(?P<r>R\d+) (?:max(?:imum)?|at most|tops|cap|limit)(?P<e>)",
    ):
        at = words.search(pattern)
        if at is None or re.search(r"\b(?:at most|max(?:imum)?|up to) [MN]\d+ E\d", at.group()):
            continue
        length = at["r"] or at["e"]
        if length and words.number(length) != DAY:
            continue
        words.take(pattern)
        return words.number(at["m"])
    return None


def _sizes(words: Segment) -> tuple[Decimal | None, Decimal | None]:
    each = (
        r"(?:per|a|each|at a|every|in 1|in a single|any|for a|on a|single) (?:single )?(?:trade|time|order|go|swap"
        r"|buy|sale|clip|transaction|rebalance|BUY|SELL)"
    )
    most = words.take(
        rf"{_LEAD}\b(?:never|no|not|at most|max(?:imum)?|up to|limit|cap|do not)\b(?: [\w:]+){{0,4}}? {_MONEY} "
        rf"(?:worth )?(?:{each}|E1xx)"
    ) or words.take(
        rf"{_LEAD}\b(?:max(?:imum)?|largest|biggest) (?:trade|order|clip|size|trade size)(?: (?:is|of"
        rf"|:))* {_MONEY}"
    )
    least = (
        words.take(rf"{_LEAD}\b(?:at least|min(?:imum)?|no less than)(?: [\w:]+){{0,2}}? {_MONEY} {each}")
        or words.take(
            rf"{_LEAD}\b(?:skip|ignore|no|not|nothing|never)(?: (?:make|do|bother|with|for))* (?:dust |tiny |small )?"
            rf"(?:trades?|orders?|swaps?"
            rf"|anything|buys?|nothing) (?:smaller than|under|below|less than) {_MONEY}(?! _)"
        )
        or words.take(
            rf"{_LEAD}\b(?:skip|ignore) (?:anything|everything|ALL|all)? ?(?:smaller than|under|below"
            rf"|less than) {_MONEY}"
        )
        or words.take(rf"{_LEAD}\b(?:min(?:imum)?|smallest) (?:trade|order|size|trade size)(?: (?:is|of|:))* {_MONEY}")
    )
    return (most and words.number(most["m"])), (least and words.number(least["m"]))


def _cooldown(words: Segment) -> int | None:
    trades = r"(?:trades?|orders?|fills?|every|buys?|sells?|swaps?|each|them|1|BUY|SELL|moves|actions)"
    for pattern in (
        rf"{_LEAD}(?:\bwith )?(?:\ba )?\b(?P<t>[TR]\d+) (?:cool ?down|pause|break|rest)(?: (?:between|after)(?: "
        rf"(?:each|every|any|the|a|trades?|fills?|buys?|sells?|BUY|SELL|two|N\d+))*)?",
        rf"{_LEAD}\bnever (?:N\d+|2) (?:trades|fills|buys|orders) within (?P<t>[TR]\d+)",
        rf"{_LEAD}\bafter (?:a|each|every|any) (?:trade|fill|buy|sale|BUY|SELL)(?: ,)? (?:pause|wait|rest|stop"
        rf"|hold off|sit out)(?: for)?(?: at least)? (?P<t>[TR]\d+)",
        rf"{_LEAD}\b(?:wait|leave|pause|take|rest|keep|cool ?down|cooldown|with|a|have|allow)(?: (?:for|of|at least"
        rf"|period"
        rf"|a|an|is|:|minimum|break|gap|pause|of))* (?P<t>[TR]\d+) (?:\w+ ){{0,2}}?(?:between|after|in between|apart"
        rf"|from the last|since|before (?:the next|another))(?: (?:any|the|every|each|of|2|last|N\d+|a|1|own|my"
        rf"|next))*(?: {trades})*",
        rf"{_LEAD}\b(?:cool ?down|cooldown|pause|rest|break)(?: (?:of|is|:|period|time))* (?P<t>[TR]\d+)(?: "
        rf"(?:between|after)(?: \w+){{0,3}})?",
        rf"{_LEAD}\b(?:at least|min(?:imum)?(?: of)?) (?P<t>[TR]\d+) (?:between|apart|after|since)(?: (?:any|the"
        rf"|every|each|2|last|N\d+|a|1))*(?: {trades})*",
        rf"{_LEAD}\b(?:(?:at most|no more than|not more than|max(?:imum)?|never more than|not more often than"
        rf"|no more often than|never more often than|only|no more) )+(?P<t>E\d+)(?: (?:in total|overall|at most"
        rf"|only|max))?",
        rf"{_LEAD}\b(?:trade|act|do (?:it|this|so)) (?:at most |only |no more than )?(?P<t>E\d+)(?: (?:at most|only"
        rf"|max))?",
        rf"{_LEAD}(?P<t>E\d+) (?:at most|max(?:imum)?|at the most|tops|and no more)\b",
        rf"{_LEAD}\b(?:not|no) (?:again|another|more|new|second)(?: \w+){{0,3}} (?:for|within|before|until) "
        rf"(?P<t>[TR]\d+)(?: (?:later|after(?:wards)?|have passed|has passed))?",
        rf"{_LEAD}\b(?:not|never) (?:more|within)(?: \w+){{0,3}}? (?P<t>T\d+) (?:of|after) (?:the|my|a) (?:last"
        rf"|previous)(?: \w+)?",
    ):
        if (at := words.take(pattern)) is not None:
            return int(words.number(at["t"]))
    return None


def _reserve(words: Segment) -> Decimal | None:
    for pattern in (
        rf"{_LEAD}\b(?:keep(?:ing)?|leave|leaving|hold back|retain|reserve|set aside|always have|maintain|save|hold"
        rf"(?:ing)?|preserve)\b(?: (?!P\d|C[A-Z]|if\b|when\b|at\b(?! least)|below|above|over|under|is\b"
        rf"|trades)[\w:]+){{0,4}}? {_MONEY}(?: (?:or more|as a reserve|in reserve"
        rf"|in U|untouched|aside|alone|back|reserved?|free|liquid|in hand|on hand|at all times|always|for "
        rf"(?:later|gas|fees|emergencies|me)|in the (?:wallet|account|bank)|as (?:a )?(?:buffer|cushion|reserve)"
        rf"|safe|as U|in my wallet|untraded|over|unspent|available|as is))*",
        rf"{_LEAD}\b(?:never|do not|not)\b(?: (?!P\d)[\w:]+){{0,5}}? (?:below|under|less than)(?: the last)? {_MONEY}"
        rf"(?: (?:in|of) U)?(?: in (?:the|my) (?:wallet|account|bank))?(?= ?(?:$|[.,;]|and|U|left|remaining))(?: "
        rf"(?:left|remaining))?",
        rf"{_LEAD}\b(?:never|do not|not) (?:touch|spend|use)(?: (?:my|the|at|all))*(?: last| final)? {_MONEY}",
        rf"{_LEAD}\b{_MONEY} (?:stays?|remains?|must (?:stay|remain)|always (?:stays?|remains?)|is (?:kept|reserved"
        rf"|off limits)|untouched|in reserve|reserve)(?: (?:in|as|untouched|there|put|aside|off limits|U|reserve"
        rf"|the|wallet|alone|always))*",
        rf"{_LEAD}\b(?:reserve|buffer|cushion)(?: (?:of|is|:))* {_MONEY}",
    ):
        if (at := words.take(pattern)) is not None:
            return words.number(at["m"])
    return None


def _shares(words: Segment, limits: Limits) -> None:
    """Largest shares: they trim what is above, and block buys that would exceed them."""
    whole = (
        r"(?: (?:of|in|my|the|our|total|whole|entire|everything|portfolio|money|wallet|account|value|holdings|assets"
        r"|net worth|i have|i own|book|ALL|all|funds|capital|in total|altogether|worth))*"
    )
    both = r"C[A-Z]+ (?:and|plus|\+|,) C[A-Z]+(?: (?:together|combined|in total|in sum|taken together))?"
    coins = (
        rf"(?P<coins>(?:crypto , )?{both}(?: ,)?|C[A-Z]+|it\b|(?:my |all )?(?:coins|crypto)(?: (?:together"
        rf"|combined))?)"
    )
    never = (
        r"(?:never|do not|not|no|must not|should not|may not|can not|at most|max(?:imum)?|cap|limit|ceiling|(?:keep"
        r"|hold)(?= (?:\w+ ){1,5}(?:under|below|at most|no more|within)))"
    )
    if at := words.take(
        rf"{_LEAD}(?:\bkeep )?\b(?:trimming|selling|cutting|reducing) (?P<c>C[A-Z]+) so that it is (?:at most )?"
        rf"(?P<p>P\d+){whole}"
        rf"(?: at most)?"
    ):
        limits.trims.append(Trim((at["c"][1:],), words.number(at["p"])))
    while (
        at := words.take(
            rf"{_LEAD}\b(?:skip|no|never|do not|stop|cease|only|not)\b(?: \w+){{0,2}}? (?:BUY|buying|buys?|cease)\b"
            rf"(?: (?!M\d|N\d)\w+){{0,5}}? (?P<c>C[A-Z]+)(?: \w+){{0,4}}? (?:above|over|beyond|past|at|exceeds?|than"
            rf"|to) "
            rf"(?P<p>P\d+)(?: or less)?{whole}"
        )
    ) is not None:
        limits.max_shares.append((at["c"][1:], words.number(at["p"])))
    if at := words.take(
        rf"{_LEAD}\bBUY only (?:while|if|when) (?P<c>C[A-Z]+)(?: \w+){{0,4}}? (?:at|below|under) (?P<p>P\d+)"
        rf"(?: or less)?{whole}"
    ):
        limits.max_shares.append((at["c"][1:], words.number(at["p"])))
    cut = r"(?:trim|reduce|cut|sell|bring|lower|scale|take|SELL)"
    for pattern in (
        rf"{_LEAD}\b{never}\b(?: (?!C[A-Z]|P\d)[\w:']+){{0,5}}? {coins}(?: (?:ever|to|be|go|get|grow|goes|become"
        rf"|exposure|position|share|holding|allocation|is|rise|make up|at|stay|must|not|exceed|above|over|more"
        rf"|than|a|beyond|past|weight|under|below|of|within|max(?:imum)?|most|bigger|larger|higher|:|,))+ "
        rf"(?P<p>P\d+|F\d+){whole}",
        rf"{_LEAD}\b{never}\b(?: (?!C[A-Z])[\w:']+){{0,5}}? (?P<p>P\d+|F\d+){whole}(?: (?:in|of|into|on|to"
        rf"|:))? {coins}{whole}",
        rf"{_LEAD}{coins}(?: (?:together|combined|share|weight|exposure|allocation|position|should|may|must|can|is"
        rf"|are|has|have|to|stay|be|be|never|not|at|most|no|more|than|exceed|above|over|max(?:imum)?|under|below"
        rf"|capped|limited|go|:|,|larger|bigger|a|of|ever|cap|limit))* (?:never|not|at most|no more than|max"
        rf"(?:imum)?|cap|capped|limited|limit|exceed|under|below)\b(?: (?:be|go|at|to|above|over|more|than|exceed"
        rf"|beyond|of|:|a|larger|bigger|higher))* (?P<p>P\d+|F\d+){whole}",
        rf"{_LEAD}\b(?:if|when|whenever|once|as soon as) {coins}(?: (?:together|combined|share|weight|is|are|goes"
        rf"|gets|grows?|exceeds?|above|over|more|than|beyond|makes?|up|ever|becomes?))+ (?P<p>P\d+|F\d+){whole}"
        rf"(?: ,)? (?:then )?{cut}(?= (?:it|them|down|back|the|some|until|to|C[A-Z]|what))(?: (?:it|them|down"
        rf"|back|the|excess|to|P\d+|F\d+|that|until|is|again|at|surplus|only))*(?P<cut>)",
        rf"{_LEAD}\b{cut} (?:\w+ )?{coins}(?: (?:back|down|position|exposure|holding|share))* to (?P<p>P\d+"
        rf"|F\d+){whole}(?P<cut>)(?: (?:if|when|whenever|once)(?: (?:it|they|the|C\w+|together|share|weight|is"
        rf"|are|goes|gets|grows?|exceeds?|above|over|more|than|beyond))* (?:P\d+|that))?{whole}",
    ):
        while (at := words.search(pattern)) is not None:
            names = re.findall(r"C([A-Z]+)", at["coins"]) or ["WETH", "WBTC"]
            if at["coins"] == "it":
                names = [words.coin_before(at.start())]
            words.take(pattern)
            share = words.number(at["p"])
            limits.trims.append(Trim(tuple(names), share))
            only_cut = "cut" in at.groupdict()
            if len(names) == 1 and not only_cut:
                limits.max_shares.append((names[0], share))
            words.take(r"(?: [,;.])*(?: (?:above|over|beyond) that)? SELL C[A-Z]+ first(?: ,)?(?: then C[A-Z]+)?")
            words.take(
                r"(?: [,;.])*(?: (?:and|then))* (?:SELL|trim|cut|reduce)(?: (?:down|off|the|any|excess|surplus|it"
                r"|them|back|what is above|whatever is above|if|they|are|is|needed|necessary|more|over|above"
                r"|down to that|to that|so|whenever|when|that|happens|does|do|,|anything|everything|ALL|whatever"
                r"|what))*(?= ?(?:$|[.;]))"
            )
