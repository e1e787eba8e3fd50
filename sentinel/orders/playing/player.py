"""The player: carries out an order exactly. Order and situation in, the trade or the reason for none out. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from sentinel.orders.language.words import time
from sentinel.orders.playing.judging import Judged, judge
from sentinel.orders.playing.shown import span
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.situation_values import Unknown, since_trade
from sentinel.orders.playing.trades import NoTrade, Side, Trade, require_held, trade, trade_text
from sentinel.orders.typed.actions import Buy, Sell, Wait
from sentinel.orders.typed.judgements import answers_of
from sentinel.orders.typed.order import Clause, Order

PRECISION = 50  # digits; prices and amounts have far fewer


@dataclass(frozen=True, slots=True)
class Play:
    """What the order does in one situation."""

    trade: Trade | None
    clause: int | None  # index of the clause that trades
    why: str  # the reason, with numbers
    turned_false: frozenset[int]  # clauses that trade each time their condition turns true, and it is false now
    possible: tuple[Play, ...] = ()  # what it does by each judgement; empty if none makes a difference now

    @property
    def is_exit(self) -> bool:
        """Whether it sells for quote tokens whatever the student judges, and some judgement allows this sale."""
        sales = [one.trade for one in (self, *self.possible) if one.trade is not None and one.trade.side is Side.SELL]
        return len(sales) == 1 + len(self.possible) and (not self.possible or self.trade in sales[1:])


def play(order: Order, at: Situation) -> Play:
    """The first clause that trades, in the order written; at most one trade a situation.

    A clause that cannot be judged does nothing, and later clauses may only sell then: what comes first may be what
    forbids the rest, and a missed exit costs money. A clause that could not trade in any case forbids nothing.
    What the student alone judges is unknown here; `possible` has what its answers would allow.
    """
    with localcontext() as context:
        context.prec = PRECISION
        played = _play(order, at)
        unjudged = tuple(phrase for phrase in order.judgements if phrase not in at.judgements)
        return replace(played, possible=_possible(order, at, unjudged)) if unjudged else played


def _possible(order: Order, at: Situation, phrases: tuple[str, ...]) -> tuple[Play, ...]:
    """Each different trade, or hold, that some answers lead to; empty if all lead to the same."""
    found: dict[object, Play] = {}
    for answers in answers_of(phrases):
        played = _play(order, replace(at, judgements={**at.judgements, **answers}))
        found.setdefault((played.trade, played.clause), played)
    return tuple(found.values()) if len(found) > 1 else ()


def _play(order: Order, at: Situation) -> Play:
    turned_false = frozenset(
        index
        for index, clause in enumerate(order.clauses)
        if clause.rearm and clause.when is not None and judge(clause.when, at, order.quote).holds is False
    )
    allowed = None if order.only_while is None else judge(order.only_while, at, order.quote)
    reasons: list[str] = []
    unknown = False
    for index, clause in enumerate(order.clauses):
        try:
            why = reason_to_act(index, clause, at, functools.partial(_judged, clause, order, at))
            if isinstance(clause.action, Wait):
                return Play(None, None, f"{why}: wait" if why else "wait", turned_false)
            found = trade(clause, done(index, at), order, at)
            if unknown and found.side is not Side.SELL:
                raise NoTrade("a clause before this one cannot be judged")
        except Unknown as error:
            reasons.append(str(error))
            unknown = True
        except NoTrade as error:
            reasons.append(str(error))
        else:
            text = trade_text(found, order.quote)
            if allowed is not None and not allowed.holds:
                return Play(None, None, f"{allowed.why}; it would {text}", turned_false)
            return Play(found, index, f"{why}: {text}" if why else text, turned_false)
    return Play(None, None, _joined(reasons), turned_false)


def completed(order: Order, at: Situation) -> bool:
    """Whether no clause can ever trade again."""
    return all(
        isinstance(clause.action, Wait) or _over(index, clause, at) is not None
        for index, clause in enumerate(order.clauses)
    )


def reason_to_act(index: int, clause: Clause, at: Situation, judged: Callable[[], Judged]) -> str:
    """The condition's numbers; empty if there is none. `judged` judges it, and is asked only if the clause is open.

    Raises NoTrade if the clause may not act now, whatever is unknown, and Unknown if the condition is.
    """
    if (why := _over(index, clause, at)) is not None:
        raise NoTrade(why)
    require_held(clause.action, at)
    condition = judged()
    if condition.holds is False:
        raise NoTrade(condition.why)
    if clause.rearm and done(index, at) and index not in at.rearmed:
        raise NoTrade(f"{condition.why}, and it has traded on that")
    if (wait := _wait(index, clause, at)) > 0:
        raise NoTrade(f"next {_verb(clause)} in {span(wait)}")
    if condition.holds is None:
        raise Unknown(condition.why)
    return condition.why


def _judged(clause: Clause, order: Order, at: Situation) -> Judged:
    return Judged(True, "") if clause.when is None else judge(clause.when, at, order.quote)


def _over(index: int, clause: Clause, at: Situation) -> str | None:
    """Why the clause can never trade again, or None."""
    times = clause.slices.parts if clause.slices is not None else clause.times
    if times is not None and done(index, at) >= times:
        return "done" if times == 1 else f"all {times:,} trades are done"
    if clause.until is not None and at.time > clause.until:
        return f"it ended at {time(clause.until)}"
    if clause.lasting is not None and at.time > at.set_at + clause.lasting:
        return f"it ended {span(Decimal(at.time - at.set_at - clause.lasting))} ago"
    return None


def _wait(index: int, clause: Clause, at: Situation) -> Decimal:
    """Seconds until the clause may trade again; 0 or less if it may now."""
    since = since_trade(at, index)
    if clause.slices is not None:
        return Decimal(clause.slices.span) / clause.slices.parts - since
    return Decimal(clause.every or 0) - since


def _verb(clause: Clause) -> str:
    return {Buy: "buy", Sell: "sale"}.get(type(clause.action), "trade")


def done(index: int, at: Situation) -> int:
    """Trades of the clause so far."""
    return sum(fill.clause == index for fill in at.fills)


def _joined(reasons: list[str]) -> str:
    if len(reasons) == 1:
        return reasons[0]
    return "; ".join(f"{number}. {reason}" for number, reason in enumerate(reasons, 1))
