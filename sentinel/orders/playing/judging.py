"""Whether a condition holds in a situation: True, False, or None where the situation does not say, with the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import pairwise

from sentinel.core.network import Symbol
from sentinel.orders.language.reading import condition_text
from sentinel.orders.playing.shown import shown, with_value
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.situation_values import Unknown, chosen, closes, evaluate
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Either, Judgement, Not, Streak
from sentinel.orders.typed.expressions import QUOTE
from sentinel.orders.typed.judgements import judged_text

COMPARED = Context(prec=40)  # digits; values are computed with 50


@dataclass(frozen=True, slots=True)
class Judged:
    holds: bool | None
    why: str  # 'the price of WETH (1,482.10 USDC) is below 1,500 USDC'


def judge(condition: Condition, at: Situation, quote: Symbol) -> Judged:
    """Kleene's three-valued logic: what is unknown decides nothing that the rest decides."""
    match condition:
        case Judgement(phrase):
            return _answered(phrase, at)
        case Not(of_one):
            inner = judge(of_one, at, quote)
            return Judged(None if inner.holds is None else not inner.holds, inner.why)
        case All(of):
            return _first([judge(one, at, quote) for one in of], decided_by=False)
        case Either(of):
            return _first([judge(one, at, quote) for one in of], decided_by=True)
    try:
        return _simple(condition, at, quote)
    except Unknown as error:
        return Judged(None, str(error))


def _answered(phrase: str, at: Situation) -> Judged:
    """By the student's answer; unknown to everybody else."""
    if (answer := at.judgements.get(phrase)) is None:
        return Judged(None, f'the student alone judges whether "{phrase}"')
    return Judged(answer, judged_text(phrase) if answer else f'it is not judged that "{phrase}"')


def _first(parts: list[Judged], *, decided_by: bool) -> Judged:
    """`decided_by`: the verdict of one part that decides the whole."""
    decided = [part for part in parts if part.holds is decided_by]
    if decided:
        return decided[0]
    unknown = [part for part in parts if part.holds is None]
    if unknown:
        return unknown[0]
    return Judged(not decided_by, " and ".join(part.why for part in parts))


def _simple(condition: Compare | Streak | ClosesBeyond, at: Situation, quote: Symbol) -> Judged:
    match condition:
        case Compare(left, op, right):
            a, b = evaluate(left, at), evaluate(right, at)
            holds = op.holds(_rounded(a), _rounded(b))
            verb = "is" if holds else "is not"
            return Judged(holds, f"{with_value(left, a, quote)} {verb} {op} {with_value(right, b, quote)}")
        case Streak(coin, count, bar, rising):
            found = closes(at, chosen(coin, at), count + 1, bar)
            steps = [now > before if rising else now < before for before, now in pairwise(found)]
            return _counted(condition, all(steps), _newest_run(steps), count, found[-1], quote)
        case ClosesBeyond(coin, count, bar, op, level):
            limit = evaluate(level, at)
            found = closes(at, chosen(coin, at), count, bar)
            beyond = [op.holds(close, _rounded(limit)) for close in found]
            return _counted(condition, all(beyond), _newest_run(beyond), count, found[-1], quote)


def _rounded(value: Decimal) -> Decimal:
    """So that values that are equal compare as equal, although the last digits of a quotient are rounded."""
    return COMPARED.plus(value)


def _newest_run(parts: list[bool]) -> int:
    return next((i for i, part in enumerate(reversed(parts)) if not part), len(parts))


def _counted(condition: Condition, holds: bool, run: int, count: int, newest: Decimal, quote: Symbol) -> Judged:
    text = condition_text(condition, quote)
    now = shown(newest, QUOTE, quote)
    return Judged(holds, f"{text} (now {now})" if holds else f"{run} of {count} closes so far: {text} (now {now})")
