"""Grounding: whether a reading says what stands in the operator's words, nothing more and nothing less.

It cannot prove a reading right. It finds the numbers, coins and sides that a model made up, swapped or left out.
A false alarm costs the operator a question, a miss costs money.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from sentinel.core.network import Symbol
from sentinel.orders.grounding import judgement_words
from sentinel.orders.grounding import said as words
from sentinel.orders.grounding.mentions import complaints as mentioned
from sentinel.orders.grounding.needs import needs
from sentinel.orders.grounding.phrasing import Phrasing, Places
from sentinel.orders.grounding.plausible import implausible
from sentinel.orders.grounding.said import Measure, Said, SaidNumber, said
from sentinel.orders.grounding.targets import Need, Role, Target, Way
from sentinel.orders.grounding.terms import Term
from sentinel.orders.language.drafts import BLOCK_SECONDS
from sentinel.orders.playing.coins import coins_of
from sentinel.orders.playing.trades import Side
from sentinel.orders.typed.actions import Buy, Sell, Share
from sentinel.orders.typed.conditions import Compare, Op
from sentinel.orders.typed.expressions import named
from sentinel.orders.typed.order import Order

_SIDES: dict[type, Side] = {Buy: Side.BUY, Sell: Side.SELL}
_EVERYTHING = re.compile(
    r"\b(?:everything|all|portfolio|crypto|coins?|holdings?|positions?|wallet|bags?|both|two)\b", re.IGNORECASE
)
_NEARLY = Decimal("0.0001")  # relative: a third is not written exactly


@dataclass(frozen=True, slots=True)
class Grounding:
    complaints: tuple[str, ...]  # empty: it is grounded
    defaults: tuple[str, ...]  # what it takes for granted, a sentence each


def ungrounded(
    text: str, order: Order, block_seconds: int = BLOCK_SECONDS, tokens: Collection[Symbol] = words.TOKENS
) -> tuple[str, ...]:
    """What of the order does not stand in the words, and what of the words is not in the order; empty if all is."""
    return ground(text, order, block_seconds, tokens).complaints


def ground(
    text: str, order: Order, block_seconds: int = BLOCK_SECONDS, tokens: Collection[Symbol] = words.TOKENS
) -> Grounding:
    """`block_seconds`: of the network, in which the words count blocks. `tokens`: its symbols."""
    found = _Match(text, said(text, tokens, order.quote))
    matched = [(need, found.way(need)) for need in needs(order, block_seconds)]
    missing = [f"the words do not say {need.what}" for need, way in matched if way is None]
    notes = dict.fromkeys(way.note for _, way in matched if way is not None and way.note)
    return Grounding(
        tuple(
            dict.fromkeys(
                [
                    *missing,
                    *found.unused(matched),
                    *_coins(found.said, order, text, tokens),
                    *mentioned(text, order),
                    *judgement_words.complaints(text, order, found.said),
                    *implausible(order),
                    *found.misplaced(matched, order),
                    *found.crossed(matched, order),
                ]
            )
        ),
        tuple(notes),
    )


class _Match:
    def __init__(self, text: str, found: Said) -> None:
        self._text = text
        self.said = found
        self._places = Places(text)
        self._percent = "%" in text or any(number.measure is Measure.RATIO for number in found.numbers)

    def numbers(self, target: Target) -> list[SaidNumber]:
        """The numbers in the words that are this one."""
        if target.loose and not self._percent:
            return []
        return [number for number in self.said.numbers if _is(number, target)]

    def _stands(self, part: Target | Term) -> bool:
        return part.stands_in(self._text) if isinstance(part, Term) else bool(self.numbers(part))

    def way(self, need: Need) -> Way | None:
        return next((way for way in need.ways if all(self._stands(part) for part in way.parts)), None)

    def unused(self, matched: Sequence[tuple[Need, Way | None]]) -> Iterator[str]:
        """Numbers of the words that nothing in the order needs."""
        used = {
            number
            for need, _ in matched
            for way in need.ways
            if all(self._stands(part) for part in way.parts)
            for part in way.parts
            if isinstance(part, Target)
            for number in self.numbers(part)
        }
        for number in self.said.numbers:
            if number not in used and not number.idle:
                yield f"'{self._text[number.start : number.end]}' is left out"

    # ------------------------------------------------------------ places

    def misplaced(self, matched: Sequence[tuple[Need, Way | None]], order: Order) -> Iterator[str]:
        """Numbers that the words put beside the other side, or compare in another way."""
        for need, way in matched:
            side = None if need.clause is None else _SIDES.get(type(order.clauses[need.clause].action))
            places = [] if way is None else [(one, self._places.of(one)) for one in self._of(way)]
            if (
                places
                and not _has_both(need, order)
                and not any(_fits(need, side, number, place) for number, place in places)
            ):
                yield f"the words use {need.what} in another way"

    def crossed(self, matched: Sequence[tuple[Need, Way | None]], order: Order) -> Iterator[str]:
        """Two clauses of one side whose levels and sizes stand in the words in opposite orders."""
        at: dict[tuple[int, Role], int] = {}
        for need, way in matched:
            found = [] if way is None else self._starts(way)
            if need.clause is not None and need.role is not Role.OTHER and len(found) == 1:
                at.setdefault((need.clause, need.role), found[0])
        for one, other in combinations(range(len(order.clauses)), 2):
            sides = {_SIDES.get(type(order.clauses[index].action)) for index in (one, other)}
            keys = [(index, role) for role in (Role.LEVEL, Role.SIZE) for index in (one, other)]
            if len(sides) != 1 or None in sides or not _alike(order, one, other) or any(key not in at for key in keys):
                continue
            first, second, size, next_size = (at[key] for key in keys)
            if (first - second) * (size - next_size) < 0:
                yield "the words pair sizes and levels in another way"

    def _starts(self, way: Way) -> list[int]:
        terms = [start for part in way.parts if isinstance(part, Term) for start in part.places(self._text)]
        return [number.start for number in self._of(way)] + terms

    def _of(self, way: Way) -> list[SaidNumber]:
        return [number for part in way.parts if isinstance(part, Target) for number in self.numbers(part)]


def _has_both(need: Need, order: Order) -> bool:
    """Whether the order acts on both sides of the level: the words then name one of them, and 'else'."""
    if need.op is None or not need.price or need.clause is None:
        return False
    conditions = [clause.when for clause in order.clauses]
    own = conditions[need.clause]
    return isinstance(own, Compare) and any(
        isinstance(other, Compare) and (other.left, other.right) == (own.left, own.right) and other.op is not own.op
        for other in conditions
    )


def _alike(order: Order, one: int, other: int) -> bool:
    """Whether two clauses look at the same things, each with a level of its own."""
    first, second = order.clauses[one].when, order.clauses[other].when
    if not (isinstance(first, Compare) and isinstance(second, Compare)):
        return False
    return first.left == second.left and type(first.right) is type(second.right)


def _fits(need: Need, side: Side | None, number: SaidNumber, place: Phrasing) -> bool:
    """Whether the place of a number in the words allows what the need makes of it."""
    if need.role is not Role.OTHER and None not in (side, place.side) and side is not place.side:
        return False
    if need.role is not Role.LEVEL or need.op is None or place.denied:
        return True
    rising = need.op in (Op.ABOVE, Op.AT_LEAST)
    if place.rising is not None and place.rising is not rising:
        return False
    if need.price and (
        (side is Side.BUY and rising and not place.breakout) or (side is Side.SELL and not rising and not place.stop)
    ):
        return False
    strict = need.op in (Op.ABOVE, Op.BELOW)
    if place.strict is None or (place.strict and number.measure is Measure.RATIO):
        return True
    return strict is place.strict


def _is(number: SaidNumber, target: Target) -> bool:
    if number.measure not in target.measures:
        return False
    if target.single and number.repeated:
        return False
    if target.coin and number.coin != target.coin and (number.coin or number.measure is Measure.BARE):
        return False
    return any(abs(value - target.value) <= abs(target.value) * _NEARLY for value in number.values)


def _sells_out(order: Order, tokens: Collection[Symbol]) -> bool:
    """Whether it is an exit from all coins, which need no names then."""
    sold = {
        coin
        for clause in order.clauses
        if isinstance(clause.action, Sell) and clause.action.amount == Share(Decimal(1))
        for coin in named(clause.action.coin)
    }
    return sold == set(tokens) - {order.quote}


def _coins(found: Said, order: Order, text: str, tokens: Collection[Symbol]) -> Iterator[str]:
    """Coins that only one of the two names. The quote token is what all is traded against."""
    in_words, in_order = {coin.symbol for coin in found.coins} - {order.quote}, coins_of(order) - {order.quote}
    judged = judgement_words.judged_spans(text, order)  # a coin may stand there alone
    outside = {coin.symbol for coin in found.coins if not any(start <= coin.start < end for start, end in judged)}
    for coin in sorted(outside - {order.quote} - in_order):
        yield f"{coin} is left out"
    if not (_EVERYTHING.search(text) or not in_words) or not _sells_out(order, tokens):
        for coin in sorted(in_order - in_words):
            yield f"the words do not name {coin}"
