"""The player against a second one, written from the docs alone: random orders over random markets, block by block."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import pytest

from sentinel.orders.language.reading import render
from sentinel.orders.playing.player import Play, completed, play
from sentinel.orders.playing.situation import Situation
from sentinel.orders.typed.actions import Arbitrage, Buy, Exchange, Rebalance, Sell, Trim
from sentinel.orders.typed.conditions import All, ClosesBeyond, Compare, Condition, Either, Not, Op, Streak
from sentinel.orders.typed.expressions import Expression, Fact, Statistic, Window
from sentinel.orders.typed.order import Clause, Order
from tests.orders.market_paths import Market, NearOrders
from tests.orders.reference_player import Deal, Reference

FEW, MANY = 220, 5_000
BLOCKS = 24
LEAST = 10  # times that each kind of action trades, and that each kind of condition has each verdict
EXACT = Fraction(1, 10**30)
Counts = Counter[tuple[str, object]]


class Counting(Reference):
    """Counts the verdicts of each kind of condition, and of each kind of expression compared."""

    counts: Counts

    def truth(self, condition: Condition) -> bool | None:
        verdict = super().truth(condition)
        self.counts[type(condition).__name__, verdict] += 1
        if isinstance(condition, Compare):
            self.counts[condition.op, verdict] += 1
            self.counts[kind(condition.left), verdict] += 1
        return verdict


def kind(expression: Expression) -> str:
    if isinstance(expression, Window):
        return expression.statistic.value
    return expression.value if isinstance(expression, Fact) else type(expression).__name__


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.proof)])
def test_two_players_agree(count: int) -> None:
    """On trade, clause, what turned false and completion; and the markets reach what is compared."""
    counts: Counts = Counter()
    for seed in range(count):
        market = Market(random.Random(seed))
        order = NearOrders(seed, market).order()
        for block, at in enumerate(market.blocks(BLOCKS)):
            played = compare(order, at, counts, f"seed {seed}, block {block}: {render(order)}")
            market.carry_out(played)
    check_coverage(counts)


def compare(order: Order, at: Situation, counts: Counts, where: str) -> Play:
    reference = Counting(order, at)
    reference.counts = counts
    played, deal = play(order, at), reference.deal()
    assert same(played, deal), f"{where}\n{played}\n{deal}"
    assert played.turned_false == reference.turned_false(), where
    assert completed(order, at) == reference.completed(), where
    if played.clause is not None:
        clause = order.clauses[played.clause]
        counts[type(clause.action).__name__, "traded"] += 1
        for modifier in modifiers(clause):
            counts[modifier, "traded"] += 1
    return played


def same(played: Play, deal: Deal | None) -> bool:
    if played.trade is None or deal is None:
        return played.trade is None and deal is None and played.clause is None
    ours = (played.trade.side, played.trade.sold, played.trade.bought, played.clause)
    return ours == (deal.side, deal.sold, deal.bought, deal.clause) and (
        abs(Fraction(played.trade.amount) - deal.amount) <= EXACT * deal.amount
    )


def modifiers(clause: Clause) -> list[str]:
    fields = ("every", "times", "slices", "rearm", "until", "lasting")
    return [name for name in fields if getattr(clause, name)]


def check_coverage(counts: Counts) -> None:
    for action in (Buy, Sell, Exchange, Rebalance, Trim, Arbitrage):
        assert counts[action.__name__, "traded"] >= LEAST, (action, counts)
    for modifier in ("every", "times", "slices", "rearm", "until", "lasting"):
        assert counts[modifier, "traded"] >= LEAST, (modifier, counts)
    kinds = [one.__name__ for one in (Compare, Streak, ClosesBeyond, All, Either, Not)]
    for name in (*kinds, *Op, *Statistic, *Fact):
        for verdict in (True, False):
            assert counts[name, verdict] >= LEAST, (name, verdict, counts)
    for name in kinds:
        assert counts[name, None] >= LEAST, (name, counts)
