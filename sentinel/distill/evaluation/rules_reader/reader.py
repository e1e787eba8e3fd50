"""From an operator's words to a reading, by rules alone: no model, no labels, the same every time.

Refusals first, then the limits of the whole order, then one clause for each action. What is left of numbers, times and
coins is not understood, and the order is asked about. It never raises.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.distill.evaluation.labelled_orders import QUOTE
from sentinel.distill.evaluation.rules_reader import kinds
from sentinel.distill.evaluation.rules_reader.acting import VERB, acting
from sentinel.distill.evaluation.rules_reader.limits import Limits, take_limits
from sentinel.distill.evaluation.rules_reader.prices import conditions, contradicts, denied, joined
from sentinel.distill.evaluation.rules_reader.scan import Scanned, scan
from sentinel.distill.evaluation.rules_reader.scope import refusal
from sentinel.distill.evaluation.rules_reader.segment import Segment, Stopped, named_coins
from sentinel.distill.evaluation.rules_reader.splitting import segments
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.reading import Ask, Reading, Refuse
from sentinel.orders.typed.actions import Amount, Buy, Coins, Sell, Share, Trim, Worth
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Streak
from sentinel.orders.typed.expressions import Change, Difference, Weight, Window
from sentinel.orders.typed.order import Clause, Order

_ALL = Share(Decimal(1))
_UNREAD = re.compile(r"\b[MNQPTGEFRW]\d+\b")
_VAGUE = re.compile(
    r"\b(?:cheap\w*|low|lower|high|higher|dips?|drops?|falls?|crash\w*|rises?|pumps?|moons?|tanks?|good|enough|better|"
    r"expensive|up|down|right (?:time|moment)|bit|lot|shaky|bottom|top|recovers?|profit|loss|much|too|soon|breakout"
    r"|momentum|spikes?|signal|limit|rip|target|whenever"
    r"|when|if)\b"
)
_EITHER = re.compile(r"\bor (?:if |when |once )?(?:the |its |my |C[A-Z]+|it\b|rsi\b|price\b|gas\b)")
_SOMETIMES = re.compile(
    r"\b(?:every now and then|from time to time|regularly|occasionally|sometimes|now and again|once in a while|"
    r"periodically|every so often|often)\b"
)
_JUDGED = re.compile(
    r"\b(?:shaky|looks?|looking|feels?|sentiment|news|trend\w*|volatil\w+|bullish|bearish|support|resistance|hype|"
    r"market (?:is|turns|gets)|calm|nervous|panic (?:in|on)|good moment|right time|best time)\b"
)
_STANDING = re.compile(r"\b(?:whenever|every time|each time|always|any time|anytime|keep|never|all the time)\b")


def read(text: str) -> Reading:
    """The reading of an order in words."""
    try:
        return _read(scan(text))
    except Stopped as stopped:
        return stopped.reading
    except (ValueError, ArithmeticError):  # the order cannot be carried out as it was read
        return Ask(Question.MEANING)


def _read(scanned: Scanned) -> Reading:
    if (why := refusal(scanned)) is not None:
        return Refuse(why)
    if _SOMETIMES.search(scanned.text):
        return Ask(Question.TIME)
    if _JUDGED.search(scanned.text):
        return Ask(Question.MEANING)
    coins = named_coins(scanned.text, scanned)
    words = Segment(scanned.text, scanned, coins[0] if coins else None)
    limits = take_limits(words)
    words.take(
        r"(?: [,;])?(?: (?:and|but))? (?:keep|hold|leave)(?: (?:the|my|all|ALL))* C[A-Z]+(?: alone"
        r"| untouched)?(?= ?(?:$|[.,;]))"
    )
    clauses = [*(Clause(trim) for trim in limits.trims), *_clauses(words, limits)]
    if any(contradicts(clause.when) for clause in clauses):
        return Refuse(Refusal.CONTRADICTION)
    return _order(clauses, limits)


def _order(clauses: list[Clause], limits: Limits) -> Order:
    """Exits come before entries where the words do not say which is first."""
    exits = [clause for clause in clauses if isinstance(clause.action, Sell) and clause.action.amount == _ALL]
    if exits and any(isinstance(clause.action, Buy) for clause in clauses):
        clauses = exits + [clause for clause in clauses if clause not in exits]
    gas = limits.gas
    if gas is not None and limits.exits_ignore_gas:
        clauses = [one if isinstance(one.action, Sell | Trim) else _only_when(one, gas) for one in clauses]
        gas = None
    wait = limits.wait
    if limits.cooldown is not None and len(clauses) == 1 and clauses[0].slices is None and clauses[0].every is None:
        only = clauses[0]
        times = None if only.times == 1 else only.times
        clauses, wait = [replace(only, every=limits.cooldown, rearm=False, times=times)], None
    always: list[Condition] = [one for one in (gas, wait) if one is not None]
    return Order(
        QUOTE,
        tuple(clauses),
        None if not always else always[0] if len(always) == 1 else All(tuple(always)),
        reserve=limits.reserve,
        max_trade=limits.max_trade,
        min_trade=limits.min_trade,
        max_day=limits.max_day,
        max_shares=tuple(limits.max_shares),
    )


def _only_when(clause: Clause, condition: Condition) -> Clause:
    match clause.when:
        case None:
            return replace(clause, when=condition)
        case All(of):
            return replace(clause, when=All((*of, condition)))
        case when:
            return replace(clause, when=All((when, condition)))


def _clauses(words: Segment, limits: Limits) -> list[Clause]:
    if (clause := kinds.arbitrage(words) or kinds.rebalance(words)) is not None:
        _require_read(words)
        return [clause]
    if (out := kinds.everything_out(words)) is not None:
        return out
    found: list[Clause] = []
    amount: Amount | None = None
    coin: Symbol | None = words.coin
    other_size = _other_size(words)
    for text in segments(words.text):
        part = Segment(text, words.scanned, coin, found[-1].when if found else None)
        if not re.search(VERB, text):
            if _UNREAD.search(text):
                raise Stopped(_missing(words.scanned, text))
            continue
        clause = _clause(part, amount)
        named = named_coins(text, words.scanned)
        coin = named[-1] if named else coin
        amount = getattr(clause.action, "amount", None)
        found.append(clause)
    if other_size is not None and found:
        found = _with_other_size(found, other_size, words)
        limits.cooldown = found[0].every
        found = [replace(clause, every=None) for clause in found]
    if not found and not limits.trims:
        raise Stopped(_missing(words.scanned, words.text))
    return found


def _other_size(words: Segment) -> re.Match[str] | None:
    """ "… every day, but 50 when it is under 40k": another size under a condition, taken out of the words."""
    if not words.search(r"\bE\d+\b"):
        return None
    return words.take(
        r"(?: [,;.])?(?: (?:but|and|or))?(?: (?:make (?:it|that)|only|buy|sell|BUY|SELL|do|use|go))* "
        r"(?P<size>[MNQ]\d+|double|half|twice|triple)(?: (?:that|it|as much|the amount|the size|of it|instead|of that"
        r"|C[A-Z]+|"
        r"worth|size))* (?P<when>(?:when|if|while|whenever|once) (?!gas)[^,;.]*)"
    )


def _with_other_size(clauses: list[Clause], other: re.Match[str], words: Segment) -> list[Clause]:
    """The clause with the other size goes before the usual one; both wait for the same time. Raises Stopped."""
    usual, size = clauses[0], other["size"]
    action = usual.action
    if len(clauses) != 1 or not isinstance(action, Buy | Sell) or usual.every is None:
        raise Stopped(Question.MEANING)
    factor = {"double": Decimal(2), "twice": Decimal(2), "half": Decimal("0.5"), "triple": Decimal(3)}.get(size)
    amount: Amount
    match action.amount:
        case Worth(number):
            amount = Worth(words.number(size) if factor is None else number * factor)
        case Coins(number):
            amount = Coins(words.number(size) if factor is None else number * factor)
        case Share():
            raise Stopped(Question.SIZE)
    text = Segment(other["when"], words.scanned, words.coin)
    when = joined(conditions(text, buys=isinstance(action, Buy)))
    _require_read(text)
    if when is None:
        raise Stopped(Question.LEVEL)
    return [Clause(replace(action, amount=amount), when, every=usual.every), usual]


def _missing(scanned: Scanned, text: str) -> Question | Refusal:
    """What is asked of words without an action."""
    if re.search(r"\b[QMN]\d+\b", text) and not re.search(VERB, scanned.text):
        return Question.SIDE
    if re.search(r"\b(?:portfolio|balanced|REBALANCE|mix|weights?|allocation)\b", text):
        return Question.WEIGHTS
    return Question.MEANING if _UNREAD.search(text) or re.search(r"\bC[A-Z]+\b", text) else Refusal.SCOPE


def _clause(words: Segment, before: Amount | None) -> Clause:
    buys = words.search(r"\bBUY\b") is not None
    ended = words.take(
        r"\b(?:and |then )*(?:stop|end|quit|done|finish|finished)(?: (?:it|the order))? after "
        r"(?P<n>N\d+) (?:times|buys|trades|purchases|sales|fills|BUY|SELL)\b"
    )
    slices = kinds.sized_parts(words) or kinds.parts(words)
    every = words.take(r"\b(?P<e>E\d+)\b") or words.take(r"(?<=[MNQP]\d )(?P<e>R\d+)\b")
    if every is not None:  # said twice
        words.take(rf"\b(?:{'|'.join(_same(words, every['e']))})\b")
    lasting = words.take(
        r"\b(?:for|during) (?:the )?(?:next |coming |following )?(?P<t>T\d+)(?! (?:high|low|average"
        r"|mean))\b"
    )
    times = words.take(
        r"\b(?:and |then )*(?:after |for |max(?:imum)? |at most |up to )?(?P<n>N\d+) (?:times|buys"
        r"|trades|purchases|sales|fills)\b(?! in a row)(?: (?:in total|overall|only|at most|max))?\b"
    )
    times = ended or times
    single = words.take(r"\b(?:just|only|exactly) (?:once|1 time|N\d+ time)\b|\b(?:once|1 time) only\b")
    whole_text = words.text
    excepted = _excepted(words)
    did = acting(words, before)
    found = conditions(words, buys=buys)
    when = joined(found, either=_EITHER.search(whole_text) is not None)
    if excepted:
        when = joined([one for one in (when, *excepted) if one is not None])
    _require_read(words)
    if (
        when is None
        and not every
        and not slices
        and not re.search(r"\b(?:now|immediately|right away|at once|asap)\b", whole_text)
    ):
        if buys and re.search(r"\bdca\b", words.scanned.words):
            raise Stopped(Question.TIME)
        _require_level(words, whole_text)
    signal = any(_is_signal(one) for one in found)
    count = int(words.number(times["n"])) if times else 1 if single else None
    if slices is not None:
        return Clause(did.action, when, slices=slices, lasting=_seconds(words, lasting))
    standing = every or _STANDING.search(whole_text) or did.whole
    if count is None and not standing and not signal:
        count = 1
    return Clause(
        did.action,
        when,
        every=int(words.number(every["e"])) if every else None,
        times=count,
        rearm=signal and not every,
        lasting=_seconds(words, lasting),
    )


def _same(words: Segment, token: str) -> list[str]:
    """The tokens of the same mark and value."""
    return [
        name for name, value in words.scanned.numbers.items() if name[0] == token[0] and value == words.number(token)
    ]


def _excepted(words: Segment) -> list[Condition]:
    """The opposites of conditions in which nothing is to be done. Raises Stopped if they are not understood."""
    found = words.take(
        r"(?: [,;])?(?: (?:but|and))? (?:unless|except (?:when|if|while)|(?:but )?not (?:when|if|while)) "
        r"(?P<rest>[^,;]*)"
    )
    if found is None:
        return []
    rest = Segment(found["rest"], words.scanned, words.coin, words.before)
    denied_ones = [denied(one) for one in conditions(rest, buys=True)]
    if len(denied_ones) != 1 or _UNREAD.search(rest.text):
        raise Stopped(Question.MEANING)
    return denied_ones


def _seconds(words: Segment, found: re.Match[str] | None) -> int | None:
    return None if found is None else int(words.number(found["t"]))


def _is_signal(one: Condition) -> bool:
    match one:
        case Streak() | ClosesBeyond() | Compare(Change() | Window() | Difference() | Weight()):
            return True
        case Compare(_, _, right):
            return "Window(" in repr(right)
    return False


def _require_read(words: Segment) -> None:
    """Raises Stopped if a number, a time or a weight is not understood."""
    if _UNREAD.search(words.text):
        raise Stopped(Question.MEANING)


def _require_level(words: Segment, text: str) -> None:
    """Raises Stopped if words of a condition have no number."""
    if _VAGUE.search(words.text):
        raise Stopped(Question.LEVEL)
    if re.search(r"\b(?:STOP|TAKE|TRAIL)\b", text):
        raise Stopped(Question.LEVEL)
